"""The lazy view that a strategy gets: nothing is computed before it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from al.contracts import DataLoader, Engine, Label
from al.data_selector.brought import Share
from al.data_selector.pool_pass import BATCH, Model, PoolPass
from al.engine import Here, Made, Recipe, Runner
from al.errors import StrategyError
from al.kinds import kind_named
from al.measures import MEASURES
from al.strategies.arrays import some

if TYPE_CHECKING:
    import pandas as pd

#: Validation samples that stand for where the model has to be good; where none are put aside,
#: training samples, asked about or not, stand for it.
TARGETS = 100
#: What comes from one pass of the champion.
_OF_CHAMPION = ("probabilities", "samples", "embeddings", "losses")


class View:
    """The pool as a strategy may see it; see `al.contracts.PoolView`.

    Args:
        pool: ids that may be asked about, ascending; a subset of the training ids.
        labelled: ids of the labelled set, with their labels.
        champion_model: None if there is none yet.
        committee: gives the latest candidates; called when a strategy reads them.
        cycle: number of the cycle.
        memory: what the strategy left in the cycle before.
        folder: where passes are kept for later; nowhere if None.
        passes: T, of "samples".
        half: keep embeddings as float16.
        precision: that models score the pool in, "float32" or "bfloat16".
        share: of the passes' shards, for a process that only makes these; see `PoolPass`.
    """

    def __init__(
        self,
        pool: Sequence[str],
        labelled: Sequence[str],
        labels: Sequence[Label],
        *,
        data: DataLoader,
        champion_model: Model | None,
        engine: Engine,
        committee: Callable[[], Sequence[Model]] = tuple,
        cycle: int = 1,
        memory: Mapping[str, Any] | None = None,
        folder: Path | None = None,
        passes: int = 20,
        half: bool = False,
        precision: str = "float32",
        share: Share | None = None,
    ) -> None:
        self.ids = tuple(pool)
        self.cycle = cycle
        self.memory = dict(memory or {})
        self.kind, self.classes = data.spec.kind, data.spec.classes
        self._source = _Source(
            data, champion_model, committee, engine, folder, passes, half, precision, share
        )
        self._rows = self._source.rows_of(self.ids)
        self.labelled = _Labelled(self._source, tuple(labelled), tuple(labels))

    @property
    def has_model(self) -> bool:
        return self._source.champion_model is not None

    @cached_property
    def probabilities(self) -> np.ndarray:  # [N, C]
        return self._source.read("probabilities", self._rows)

    @cached_property
    def samples(self) -> np.ndarray:  # [N, T, C]
        return self._source.read("samples", self._rows)

    @cached_property
    def embeddings(self) -> np.ndarray:  # [N, D]
        return self._source.read("embeddings", self._rows)

    @cached_property
    def losses(self) -> np.ndarray:  # [N]
        return self._source.read("losses", self._rows)

    @cached_property
    def committee(self) -> np.ndarray:  # [N, M, C]
        found = [p.read("probabilities", self._rows) for p in self._source.members]
        return np.stack(found, axis=1)

    @cached_property
    def features(self) -> np.ndarray:  # [N, F]
        return self._source.features(self.ids)

    @cached_property
    def target_samples(self) -> np.ndarray:  # [M, T, C]
        return self._source.target_samples

    @cached_property
    def costs(self) -> np.ndarray:  # [N]
        return self._source.costs(self.ids)

    @cached_property
    def metadata(self) -> pd.DataFrame:
        return self._source.data.metadata(self.ids)

    def measured(self, measure: str, over: str) -> np.ndarray:  # [N]
        """A measure of the predictions; of many distributions it was reduced in the pass."""
        found, kind = MEASURES[measure], kind_named(self.kind)
        over = kind.reduction(over)
        if not kind.over:
            return kind.measured(found, getattr(self, found.reads))
        return self._source.read(f"{measure}.{over}", self._rows)

    def prepare(self, names: Sequence[str]) -> None:
        """Compute what will be read of the champion, in one pass."""
        wanted = self._of_champion(names)
        if wanted and self.has_model and len(self._rows):
            self._source.own.ensure(wanted, self._rows)

    def score(self, names: Sequence[str]) -> None:
        """Compute what will be read of all models, for the share of this view alone."""
        rows = np.arange(len(self._source.data.ids("train")))
        if wanted := self._of_champion(names):
            self._source.own.ensure(wanted, rows)
        if "committee" not in names:
            return
        kind = kind_named(self.kind)
        if not kind.over:
            for made in self._source.members:
                made.ensure(["probabilities"], rows)
            return
        measures = [name.split(".") for name in names if "." in name]
        together = [
            f"{measure}.{kind.reduction(over)}"
            for measure, over in measures
            if MEASURES[measure].reads == "committee"
        ]
        if together:
            self._source.together.ensure(together, rows)

    def _of_champion(self, names: Sequence[str]) -> list[str]:
        """What of the champion's pass is read where a strategy reads these."""
        wanted = [name for name in names if name in _OF_CHAMPION]
        kind = kind_named(self.kind)
        if kind.over:
            for measure, over in (n.split(".") for n in names if "." in n):
                if MEASURES[measure].reads != "committee":
                    wanted.append(f"{measure}.{kind.reduction(over)}")
        return wanted

    def narrow(self, rows: np.ndarray | slice) -> View:
        """The view of some rows of the pool, which ascend."""
        part = object.__new__(View)
        part.ids = some(self.ids, rows)
        part.cycle, part.memory = self.cycle, self.memory
        part.kind, part.classes = self.kind, self.classes
        part._source, part._rows = self._source, self._rows[rows]
        part.labelled = self.labelled
        return part

    def of_samples(self, ids: Sequence[str], name: str) -> np.ndarray:
        """One output of the champion for a few samples, without a pass over the pool."""
        return self._source.infer(ids, name)

    def guesses(self, ids: Sequence[str]) -> tuple[list[Label], np.ndarray]:
        """The champion's best guess of a few samples as labels, and how sure each is."""
        return self._source.guesses(ids)

    @property
    def size(self) -> int:
        """What the passes of this view take on disk."""
        return self._source.size

    def close(self) -> None:
        """Let other processes work with the kept passes."""
        self._source.close()


class _Labelled:
    """The labelled part of the view; it shares the pool's pass of the champion."""

    def __init__(self, source: _Source, ids: tuple[str, ...], labels: tuple[Label, ...]) -> None:
        self.ids = ids
        self.labels = labels
        self._source = source

    @property
    def probabilities(self) -> np.ndarray:  # [L, C]
        return self._read("probabilities")

    @property
    def embeddings(self) -> np.ndarray:  # [L, D]
        return self._read("embeddings")

    @property
    def features(self) -> np.ndarray:  # [L, F]
        return self._source.features(self.ids)

    def _read(self, name: str) -> np.ndarray:
        rows = self._source.rows_of(self.ids)
        order = np.argsort(rows)
        found = self._source.read(name, rows[order])
        return found[np.argsort(order)]


class _Source:
    """Where a view and all views narrowed from it take their arrays from."""

    def __init__(
        self,
        data: DataLoader,
        champion_model: Model | None,
        committee: Callable[[], Sequence[Model]],
        engine: Engine,
        folder: Path | None,
        passes: int,
        half: bool,
        precision: str,
        share: Share | None,
    ) -> None:
        self.data, self.champion_model = data, champion_model
        self._committee, self._engine = committee, engine
        self._folder, self._passes, self._half = folder, passes, half
        self._precision = precision
        self._share = share
        self._row = {id: row for row, id in enumerate(data.ids("train"))}
        self._passed: dict[str, PoolPass] = {}  # by the model's key

    @cached_property
    def own(self) -> PoolPass:
        """The champion's pass."""
        return self._pass(self._need("outputs"))

    @cached_property
    def _candidates(self) -> Sequence[Model]:
        """The latest candidates."""
        models = self._committee()
        if len(models) < 2:
            raise StrategyError(
                f"a committee needs two candidates or more and there are {len(models)}: "
                "give candidates=3, or choose another strategy"
            )
        return models

    @cached_property
    def members(self) -> list[PoolPass]:
        """The passes of the latest candidates."""
        return [self._pass(model) for model in self._candidates]

    @cached_property
    def together(self) -> PoolPass:
        """The pass of the latest candidates as one, where only measures of them are kept."""
        models = self._candidates
        recipe = _Together(tuple(m.recipe or Here(Made(m.graph, self.data)) for m in models))
        key = hashlib.sha256(" ".join(model.key for model in models).encode()).hexdigest()
        return self._pass(Model(recipe().graph, f"{key[:24]}-committee", 0, recipe))

    @cached_property
    def target_samples(self) -> np.ndarray:  # [M, T, C]
        ids = self.data.ids("val") or self.data.ids("train")
        step = max(1, -(-len(ids) // TARGETS))
        return self.infer(ids[::step], "samples")

    def read(self, name: str, rows: np.ndarray) -> np.ndarray:
        self._need(name)
        if not len(rows):
            return np.empty((0, 0), np.float32)
        measure = MEASURES.get(name.partition(".")[0])
        if measure is not None and measure.reads == "committee":
            return self.together.read(name, rows)
        return self.own.read(name, rows)

    def guesses(self, ids: Sequence[str]) -> tuple[list[Label], np.ndarray]:
        """The champion's best guess of a few samples, and how sure each is."""
        return self._runner(self._need("outputs")).guesses(ids)

    def infer(self, ids: Sequence[str], name: str) -> np.ndarray:
        """One output of the champion for a few samples."""
        model = self._need(name)
        found = self._runner(model).infer(ids, [name], samples=self._passes, seed=model.seed)
        return found[name]

    def _runner(self, model: Model) -> Runner:
        return Runner(model.graph, self.data, self._engine, model.recipe, batch=BATCH)

    def features(self, ids: Sequence[str]) -> np.ndarray:
        """What is known of samples without a model, [N, F]."""
        return self.data.features(ids)

    def costs(self, ids: Sequence[str]) -> np.ndarray:
        """What annotating costs, [N]."""
        found = np.asarray(self.data.costs(ids), dtype=np.float64)
        wrong = np.flatnonzero(~(np.isfinite(found) & (found > 0)))
        if len(wrong):
            raise StrategyError(
                f"{len(wrong)} samples cost nothing or no number ({ids[wrong[0]]} first): "
                "give costs above zero"
            )
        return found

    def rows_of(self, ids: Sequence[str]) -> np.ndarray:
        return np.fromiter((self._row[id] for id in ids), np.int64, len(ids))

    @property
    def size(self) -> int:
        return sum(made.size for made in self._passed.values())

    def close(self) -> None:
        for made in self._passed.values():
            made.close()

    def _pass(self, model: Model) -> PoolPass:
        """The pass of a model; the champion is often one of the committee."""
        if model.key not in self._passed:
            self._passed[model.key] = PoolPass(
                self._folder,
                model,
                self.data,
                self._engine,
                passes=self._passes,
                half=self._half,
                precision=self._precision,
                share=self._share,
            )
        return self._passed[model.key]

    def _need(self, name: str) -> Model:
        if self.champion_model is None:
            raise StrategyError(
                f"this strategy reads the model's {name} and there is no model yet: "
                "choose another cold_start, like random or k_center"
            )
        return self.champion_model


@dataclass(frozen=True)
class _Together:
    """The recipe of several models as one, whose stochastic passes they are."""

    recipes: tuple[Recipe, ...]

    def __call__(self) -> Made:
        made = [recipe() for recipe in self.recipes]
        graph = made[0].graph.committee([member.graph for member in made])
        return made[0]._replace(graph=graph)
