"""A trial: the campaign that parameters mean, with simulated answers, in memory.

Queries, trainings and elections are those of the campaign, draw for draw, and so is the curve;
what a trial leaves out is all that outlives a cycle: runs, versions, pictures. So it costs
little more than choosing, fitting and measuring.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

from al.agents import Examples
from al.annotators.oracle import Oracle
from al.contracts import Candidate, Graph, Query
from al.data_selector import Model, View, distinct, select
from al.engine import LocalEngine, Runner
from al.model_selector import elect
from al.pipeline.making import Makings
from al.randomness import generator, torch_seed
from al.scratch import scratch_folder
from al.state import LabelTable, with_copies
from al.strategies import build
from al.whole import digest_of


@dataclass(frozen=True)
class Point:
    """The end of a cycle.

    Attributes:
        labels: answers so far.
        test: the champion's metrics on the test split.
        choosing, training: seconds of the cycle.
    """

    labels: int
    test: Mapping[str, float]
    choosing: float
    training: float


@dataclass(frozen=True)
class Champion:
    """The model that chooses next.

    Attributes:
        digest: of its weights.
        val: its metrics on validation, named like "val/accuracy".
    """

    graph: Graph
    digest: str
    val: Mapping[str, float]
    test: Mapping[str, float]


def run_trial(makings: Makings) -> list[Point]:
    """The learning curve of a campaign, a point a cycle."""
    with scratch_folder() as folder:
        trial = _Trial(makings, Path(folder))
        while trial.goes_on:
            trial.cycle()
    return trial.points


class _Trial:
    """Where a trial stands after a cycle."""

    def __init__(self, makings: Makings, folder: Path) -> None:
        self._makings, self._folder = makings, folder
        self._config, self._data = makings.config, makings.data
        ids, given = self._data.ids("train"), self._data.given()
        self._ids = ids if given is None else tuple(id for id in ids if id in given)
        self._once = self._config.copies == "once"
        self._contents = dict(zip(ids, self._data.fingerprints(ids), strict=True))
        self._labels = LabelTable()
        self._champion: Champion | None = None
        self._committee: list[Model] = []
        self._memory: Mapping[str, Any] = {}
        self._engine = LocalEngine()
        self._oracle = Oracle(self._data, self._config.task)
        self.points: list[Point] = []

    @property
    def _number(self) -> int:
        """The cycle that comes next."""
        return len(self.points) + 1

    @property
    def _pool(self) -> tuple[str, ...]:
        asked = self._labels.asked
        return tuple(id for id in self._ids if id not in asked)

    @property
    def goes_on(self) -> bool:
        """Whether there is another cycle."""
        budget = self._config.label_budget
        left = not budget or self._labels.paid < budget
        return len(self.points) < self._config.cycles and left and bool(self._pool)

    def cycle(self) -> None:
        """Choose, answer, train, elect, measure."""
        begun = time.perf_counter()
        query = self._choose()
        chosen = time.perf_counter()
        self._labels = self._answered(query)
        candidates = self._train()
        self._elect(candidates)
        spent = chosen - begun, time.perf_counter() - chosen
        assert self._champion is not None
        own = len(self._labels.originals.ids)
        self.points.append(Point(own, self._champion.test, *spent))

    def _choose(self) -> Query:
        config, pool = self._config, self._pool
        standing = self._champion
        text = config.cold_start if standing is None else config.strategy
        size = config.initial_size if standing is None else config.query_size
        if config.label_budget:
            size = max(1, min(size, config.label_budget - self._labels.paid))
        own = self._labels.originals
        view = View(
            distinct(pool, self._contents) if self._once else pool,
            own.ids,
            own.labels,
            data=self._data,
            champion_model=None if standing is None else self._scorer(standing),
            committee=lambda: self._committee,
            engine=self._engine,
            cycle=self._number,
            memory=self._memory,
            passes=config.passes,
            half=config.embeddings == "float16",
            precision=config.precision,
        )
        with closing(view):
            query = select(
                build(text),
                view,
                size,
                generator(config.seed, self._number, "select-data"),
                name=text,
                model="none" if standing is None else standing.digest,
                explore=config.explore,
                balance=config.balance == "on",
                budget=config.costs == "on",
            )
        if query.memory is not None:
            self._memory = query.memory
        return query

    def _scorer(self, standing: Champion) -> Model:
        graph = standing.graph
        if self._config.calibrate == "on":
            val = self._data.ids("val")
            graph = graph.scaled(Runner(graph, self._data).calibrate(val).temperature)
        return self._model(graph, standing.digest)

    def _model(self, graph: Graph, digest: str) -> Model:
        seed = torch_seed(self._config.seed, 0, f"passes {digest}") % 2**31
        return Model(graph, digest, seed)

    def _answered(self, query: Query) -> LabelTable:
        released = self._labels.released(query.ids)
        labels = released.with_answers(self._oracle.collect(query), query, self._number)
        return with_copies(labels, self._contents) if self._once else labels

    def _train(self) -> list[Candidate]:
        config, labels = self._config, self._labels
        start = None if config.init == "scratch" or not self._champion else self._champion.graph
        found: list[Candidate] = []
        for number in range(config.candidates):
            kept = _Kept(self._folder / f"{self._number}-{number}", number)
            agent = self._makings.agent(
                Examples(labels.ids, labels.labels),
                kept,
                cycle=self._number,
                number=number,
                checkpoints=config.checkpoints,
                start=start,
            )
            agent.fit()
            found += sorted(kept.candidates, key=lambda candidate: candidate.epoch)
        return found

    def _elect(self, candidates: Sequence[Candidate]) -> None:
        config, criterion = self._config, self._makings.criterion
        if config.candidates > 1:
            self._committee = [self._best(candidates, n) for n in range(config.candidates)]
        before = self._champion
        always = config.promote == "always"
        election = elect(candidates, before.val if before else None, criterion, always=always)
        if election.promoted or before is None:
            graph, digest = self._loaded(election.winner)
            runner = Runner(graph, self._data)
            val = runner.evaluate(self._data.ids("val"))
            test = runner.evaluate(self._data.ids("test"))
            self._champion = Champion(graph, digest, {f"val/{n}": v for n, v in val.items()}, test)

    def _best(self, candidates: Sequence[Candidate], number: int) -> Model:
        own = [candidate for candidate in candidates if candidate.number == number]
        best = max(own, key=lambda c: self._makings.criterion.rank(c.metrics))
        return self._model(*self._loaded(best))

    def _loaded(self, candidate: Candidate) -> tuple[Graph, str]:
        """The model of a checkpoint, and the digest of its weights."""
        graph = self._makings.new_graph()
        graph.load_weights(Path(candidate.checkpoint))
        return graph, digest_of(Path(candidate.checkpoint))


@dataclass
class _Kept:
    """Recorder of one training: checkpoints in a folder; see `al.contracts.Recorder`."""

    folder: Path
    number: int
    candidates: list[Candidate] = field(default_factory=list)

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Figures of epochs are not kept."""

    def checkpoint(
        self, epoch: int, best_epoch: int, metrics: Mapping[str, float], weights: Path, resume: Path
    ) -> None:
        place = copytree(weights, self.folder / f"{best_epoch:06d}")
        self.candidates.append(Candidate(str(place), self.number, best_epoch, dict(metrics)))

    def resume_file(self) -> None:
        """A trial that was cut off begins anew."""
