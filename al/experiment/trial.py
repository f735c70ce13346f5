"""A trial: the campaign that parameters mean, with simulated answers, in memory.

Queries, trainings and elections are those of the campaign, draw for draw, and so is the curve;
what a trial leaves out is all that outlives a cycle: runs, versions, pictures, files. So it costs
little more than choosing, fitting and measuring.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from al.agents import Examples, Kept
from al.contracts import Calibration, Candidate, DataLoader, Graph, Query
from al.data_selector import Model, View, distinct, select
from al.engine import LocalEngine, Runner
from al.graphs import Crossed
from al.model_selector import elect
from al.pipeline.making import Makings
from al.randomness import generator, torch_seed
from al.scratch import scratch_folder
from al.state import Contents
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
        crossed: its copies that judge labels, with `validation=folds`.
        val: its metrics on validation, named like "val/accuracy".
    """

    graph: Graph
    crossed: Crossed | None
    val: Mapping[str, float]
    test: Mapping[str, float]


def run_trial(makings: Makings) -> list[Point]:
    """The learning curve of a campaign, a point a cycle."""
    trial = _Trial(makings)
    while trial.goes_on:
        trial.cycle()
    return trial.points


def asked_about(data: DataLoader) -> tuple[str, ...]:
    """The training samples whose label is known, which are all that a trial may ask about."""
    ids, given = data.ids("train"), data.given()
    return tuple(ids) if given is None else tuple(id for id in ids if id in given)


class _Weights(NamedTuple):
    """What a training keeps, and which part each label was in where it has folds."""

    kept: Kept
    part: Mapping[str, int]


class _Trial:
    """Where a trial stands after a cycle."""

    def __init__(self, makings: Makings) -> None:
        self._makings = makings
        self._config, self._data = makings.config, makings.data
        ids = self._data.ids("train")
        self._ids = asked_about(self._data)
        once = self._config.copies == "once"
        self._contents = Contents(ids, self._data.fingerprints(ids)) if once else Contents((), ())
        self._labelled: tuple[str, ...] = ()  # in the order of asking
        self._copies: tuple[str, ...] = ()  # of these
        self._draws = "samples" in build(self._config.strategy).reads
        self._champion: Champion | None = None
        self._committee: list[Model] = []
        self._memory: Mapping[str, Any] = {}
        self._engine = LocalEngine()
        self.points: list[Point] = []

    @property
    def _number(self) -> int:
        """The cycle that comes next."""
        return len(self.points) + 1

    @property
    def _pool(self) -> tuple[str, ...]:
        asked = {*self._labelled, *self._copies}
        return tuple(id for id in self._ids if id not in asked)

    @property
    def goes_on(self) -> bool:
        """Whether there is another cycle."""
        budget = self._config.label_budget
        left = not budget or len(self._labelled) < budget
        return len(self.points) < self._config.cycles and left and bool(self._pool)

    def cycle(self) -> None:
        """Choose, answer, train, elect, measure."""
        begun = time.perf_counter()
        query = self._choose()
        chosen = time.perf_counter()
        self._labelled += query.ids
        self._copies = self._of_labelled()
        self._elect(self._train())
        spent = chosen - begun, time.perf_counter() - chosen
        assert self._champion is not None
        self.points.append(Point(len(self._labelled), self._champion.test, *spent))

    def _choose(self) -> Query:
        config, pool = self._config, self._pool
        standing = self._champion
        text = config.cold_start if standing is None else config.strategy
        size = config.initial_size if standing is None else config.query_size
        if config.label_budget:
            size = max(1, min(size, config.label_budget - len(self._labelled)))
        view = View(
            distinct(pool, self._contents),
            self._labelled,
            self._data.truth(self._labelled),
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
                model="none" if standing is None else "champion",
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
            graph = graph.scaled(self._calibrated(standing).temperature)
        return self._model(graph, "champion", standing.graph, standing.crossed)

    def _calibrated(self, standing: Champion) -> Calibration:
        if standing.crossed is None:
            return Runner(standing.graph, self._data).calibrate(self._data.ids("val"))
        ids = tuple(standing.crossed.part)
        return standing.crossed.calibrate(self._data, ids, self._data.truth(ids))

    def _model(self, graph: Graph, name: str, weights: Graph, crossed: Crossed | None) -> Model:
        """A model that scores; stochastic passes are drawn by the digest of its weights, among
        them those of its copies."""
        seed = 0
        if self._draws:
            with scratch_folder() as folder:
                weights.save_weights(Path(folder))
                if crossed is not None:
                    crossed.save(Path(folder))
                digest = digest_of(Path(folder))
            seed = torch_seed(self._config.seed, 0, f"passes {digest}") % 2**31
        return Model(graph, name, seed)

    def _of_labelled(self) -> tuple[str, ...]:
        """Copies of the labelled samples, in the order of `al.state.with_copies`."""
        shared = self._contents.shared
        if not shared:
            return ()
        mine = set(self._labelled)
        alike = (sorted(shared.get(self._contents[id], ())) for id in self._labelled)
        return tuple(id for ids in alike for id in ids if id not in mine)

    def _train(self) -> list[tuple[Candidate, _Weights]]:
        """Candidates, with their weights."""
        config, makings = self._config, self._makings
        start = None if config.init == "scratch" or not self._champion else self._champion.graph
        answers = dict(zip(self._labelled, self._data.truth(self._labelled), strict=True))
        of = {self._contents[id]: answers[id] for id in answers} if self._copies else {}
        labels = (*answers.values(), *(of[self._contents[id]] for id in self._copies))
        found = []
        for number in range(config.candidates):
            agent = makings.agent(
                Examples((*self._labelled, *self._copies), labels),
                None,
                cycle=self._number,
                number=number,
                checkpoints=config.checkpoints,
                start=start,
            )
            agent.fit()
            found += [
                (
                    Candidate(f"{number}-{kept.epoch}", number, kept.epoch, kept.metrics),
                    _Weights(kept, agent.crossed.part if agent.crossed else {}),
                )
                for kept in agent.kept
            ]
        return found

    def _elect(self, trained: Sequence[tuple[Candidate, _Weights]]) -> None:
        config, criterion = self._config, self._makings.criterion
        candidates = [candidate for candidate, _ in trained]
        weights = {candidate.checkpoint: kept for candidate, kept in trained}
        if config.candidates > 1:
            best = (self._best(candidates, number) for number in range(config.candidates))
            self._committee = [self._member(weights[one.checkpoint], one.number) for one in best]
        before = self._champion
        always = config.promote == "always"
        election = elect(candidates, None, criterion)
        new = weights[election.winner.checkpoint]
        graph, crossed = self._loaded(new.kept.weights), self._crossed(new)
        if before is not None:
            winner, theirs = election.winner, before.val
            if config.by_folds:  # on the labels of both
                mine, theirs = self._on(crossed, before), self._on(before.crossed, before)
                winner = replace(winner, metrics=mine or winner.metrics)
                theirs = theirs or dict.fromkeys(winner.metrics, math.nan)
            election = elect([winner], theirs, criterion, always=always)
        if election.promoted or before is None:
            runner = Runner(graph, self._data)
            val = {} if config.by_folds else _named(runner.evaluate(self._data.ids("val")))
            test = runner.evaluate(self._data.ids("test"))
            self._champion = Champion(graph, crossed, val, test)

    def _member(self, weights: _Weights, number: int) -> Model:
        graph = self._loaded(weights.kept.weights)
        return self._model(graph, f"member {number}", graph, self._crossed(weights))

    def _crossed(self, weights: _Weights) -> Crossed | None:
        copies = [self._loaded(fold) for fold in weights.kept.folds]
        return Crossed(copies, weights.part) if copies else None

    def _on(self, crossed: Crossed | None, before: Champion) -> dict[str, float]:
        """What copies say of the labels that the champion before was judged by; nothing where
        either has none."""
        if crossed is None or before.crossed is None:
            return {}
        ids = tuple(before.crossed.part)
        return _named(crossed.evaluate(self._data, ids, self._data.truth(ids)))

    def _best(self, candidates: Sequence[Candidate], number: int) -> Candidate:
        own = [candidate for candidate in candidates if candidate.number == number]
        return max(own, key=lambda candidate: self._makings.criterion.rank(candidate.metrics))

    def _loaded(self, weights: Any) -> Graph:
        graph = self._makings.new_graph()
        graph.put_back(weights)
        return graph


def _named(figures: Mapping[str, float]) -> dict[str, float]:
    return {f"val/{name}": value for name, value in figures.items()}
