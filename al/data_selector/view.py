"""The lazy view that a strategy gets: nothing is computed before it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from al.contracts import DataLoader, Engine, Graph, Label
from al.errors import StrategyError
from al.progress import bar

if TYPE_CHECKING:
    import pandas as pd

#: Samples scored as one piece of work, and batches inside it. Both are fixed, and shards
#: are cut from all training ids rather than from the pool, because moving a batch boundary
#: changes the last bits of scores, and with them the query.
SHARD, BATCH = 4096, 256
#: Stochastic passes for `samples`.
PASSES = 20


class View:
    """The pool as a strategy may see it; see `al.contracts.PoolView`.

    Args:
        pool: ids that may be asked about, ascending; a subset of the training ids.
        labelled: ids of the labelled set, with their labels.
        graph: the champion; None while there is none.
        seed: of the stochastic passes.
    """

    def __init__(
        self,
        pool: Sequence[str],
        labelled: Sequence[str],
        labels: Sequence[Label],
        *,
        data: DataLoader,
        graph: Graph | None,
        engine: Engine,
        seed: int,
    ) -> None:
        self.ids = tuple(pool)
        self._data = data
        self._graph = graph
        self._engine = engine
        self._seed = seed
        self._train = data.ids("train")
        self._row = {id: row for row, id in enumerate(self._train)}
        self._rows = self._rows_of(self.ids)
        self._inferred: dict[str, np.ndarray] = {}
        self.labelled = _Labelled(self, tuple(labelled), tuple(labels))

    @property
    def has_model(self) -> bool:
        return self._graph is not None

    @cached_property
    def probabilities(self) -> np.ndarray:  # [N, C]
        return self._infer("probabilities")[self._rows]

    @cached_property
    def samples(self) -> np.ndarray:  # [N, T, C]
        return self._infer("samples")[self._rows]

    @cached_property
    def embeddings(self) -> np.ndarray:  # [N, D]
        return self._infer("embeddings")[self._rows]

    @cached_property
    def features(self) -> np.ndarray:  # [N, F]
        return self._features(self.ids)

    @cached_property
    def metadata(self) -> pd.DataFrame:
        return self._data.metadata(self.ids)

    # -- how it is computed ----------------------------------------------------------------

    def _infer(self, want: str) -> np.ndarray:
        """One output of the champion for all training samples, [len(train), ...]."""
        if self._graph is None:
            raise StrategyError(
                f"this strategy reads the model's {want} and there is no model yet: "
                "choose another cold_start, like random or k_center"
            )
        if want not in self._inferred:
            graph, data, seed = self._graph, self._data, self._seed

            def make_worker() -> Callable[[tuple[int, int]], np.ndarray]:
                def work(shard: tuple[int, int]) -> np.ndarray:
                    batches = data.batches(self._train[slice(*shard)], batch_size=BATCH)
                    parts = [
                        graph.infer(batch, (want,), samples=PASSES, seed=seed)[want]
                        for batch in batches
                    ]
                    return np.concatenate(parts)

                return work

            self._inferred[want] = self._gather(make_worker, want)
        return self._inferred[want]

    def _gather(
        self, make_worker: Callable[[], Callable[[tuple[int, int]], np.ndarray]], want: str
    ) -> np.ndarray:
        """The shards' results in one array, wherever and in whatever order they came."""
        total = len(self._train)
        shards = [(start, min(start + SHARD, total)) for start in range(0, total, SHARD)]
        whole: np.ndarray | None = None
        with bar(desc=f"score ({want})", total=total, unit="sample") as progress:
            for (start, stop), part in self._engine.map(make_worker, shards):
                if whole is None:
                    whole = np.empty((total, *part.shape[1:]), part.dtype)
                whole[start:stop] = part
                progress.update(stop - start)
        assert whole is not None  # a view is never made of nothing
        return whole

    def _features(self, ids: Sequence[str]) -> np.ndarray:
        """Raw inputs, flattened, as float32 [N, F]."""
        parts = [
            np.asarray(batch.inputs, dtype=np.float32).reshape(len(batch.ids), -1)
            for batch in self._data.batches(ids, batch_size=SHARD)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def _rows_of(self, ids: Sequence[str]) -> np.ndarray:
        return np.fromiter((self._row[id] for id in ids), np.int64, len(ids))


class _Labelled:
    """The labelled part of the view; it shares the pool's pass of the champion."""

    def __init__(self, view: View, ids: tuple[str, ...], labels: tuple[Label, ...]) -> None:
        self.ids = ids
        self.labels = labels
        self._view = view

    @property
    def embeddings(self) -> np.ndarray:  # [L, D]
        return self._view._infer("embeddings")[self._view._rows_of(self.ids)]

    @property
    def features(self) -> np.ndarray:  # [L, F]
        return self._view._features(self.ids)
