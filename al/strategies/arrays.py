"""A pool held in arrays: strategies by themselves, without the pipeline around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from al.contracts import Label
from al.errors import StrategyError
from al.kinds import kind_named
from al.measures import MEASURES

if TYPE_CHECKING:
    import pandas as pd

#: What a view can hold, by row.
ARRAYS = ("probabilities", "samples", "embeddings", "features", "committee", "losses", "costs")
#: What needs no model.
_MODELFREE = ("features", "costs")


def some(values: tuple[Any, ...], rows: np.ndarray | slice) -> tuple[Any, ...]:
    """Some of the values, by position."""
    if isinstance(rows, slice):
        return values[rows]
    return tuple(values[row] for row in rows)


class ArrayView:
    """A `PoolView` over arrays that are there already.

        view = ArrayView(probabilities=p, embeddings=h)
        picks = strategies.get("badge")(view, 100, np.random.default_rng(0))

    Args:
        ids: of the samples, ascending; by default their positions, written out.
        labelled: the labelled set, a view too, with `labels`.
        kind, memory, cycle, classes, metadata, target_samples: as in `PoolView`.
        measures: {"entropy.patch": [N]} and so on, where a sample has many distributions.
        arrays: some of `ARRAYS`, each with one row a sample.

    Raises:
        UnknownName: there is no such kind.
        StrategyError: an array is read that was not given.
    """

    def __init__(
        self,
        ids: Sequence[str] | None = None,
        *,
        labelled: ArrayView | None = None,
        labels: Sequence[Label] = (),
        memory: Mapping[str, Any] | None = None,
        cycle: int = 1,
        kind: str = "class",
        classes: Sequence[str] = (),
        measures: Mapping[str, np.ndarray] | None = None,
        metadata: pd.DataFrame | None = None,
        target_samples: np.ndarray | None = None,
        **arrays: np.ndarray,
    ) -> None:
        unknown = sorted(set(arrays) - set(ARRAYS))
        if unknown:
            raise StrategyError(f"a view holds no {unknown[0]!r}: it holds {', '.join(ARRAYS)}")
        count = len(ids) if ids is not None else max(map(len, arrays.values()), default=0)
        self.ids = tuple(ids) if ids is not None else tuple(f"{i:09d}" for i in range(count))
        for name, array in arrays.items():
            if len(array) != count:
                raise StrategyError(f"{name} has {len(array)} rows for {count} ids: give one each")
        # In the precision that the pipeline has, which is what strategies are written for.
        kinds = {name: np.float64 if name == "costs" else np.float32 for name in arrays}
        arrays = {name: np.asarray(array, kinds[name]) for name, array in arrays.items()}
        self._arrays = arrays
        self._labelled = labelled
        self._metadata = metadata
        self._target_samples = (
            None if target_samples is None else np.asarray(target_samples, np.float32)
        )
        self.labels = tuple(labels)
        kind_named(kind)
        self.kind = kind
        self._measures = dict(measures or {})
        self.memory = dict(memory or {})
        self.cycle = cycle
        self.has_model = any(name not in _MODELFREE for name in arrays)
        width = arrays["probabilities"].shape[1] if "probabilities" in arrays else 0
        self.classes = tuple(classes) or tuple(map(str, range(width)))

    def __getattr__(self, name: str) -> np.ndarray:
        if name not in ARRAYS:
            raise AttributeError(name)
        if name == "costs" and name not in self._arrays:
            return np.ones(len(self.ids))
        if name not in self._arrays:
            why = "this view has" if self.has_model else "there is no model and"
            raise StrategyError(f"{why} no {name}: give them, or choose another strategy")
        return self._arrays[name]

    @property
    def labelled(self) -> ArrayView:
        if self._labelled is not None:
            return self._labelled
        none: dict[str, Any] = {name: array[:0] for name, array in self._arrays.items()}
        return ArrayView((), **none)

    @property
    def target_samples(self) -> np.ndarray:  # [M, T, C]
        if self._target_samples is None:
            raise StrategyError("this view has no target_samples: give them")
        return self._target_samples

    @property
    def metadata(self) -> pd.DataFrame:
        import pandas as pd

        if self._metadata is None:
            return pd.DataFrame(index=pd.Index(self.ids, name="id"))
        return self._metadata.loc[list(self.ids)]

    def measured(self, measure: str, over: str) -> np.ndarray:  # [N]
        """A measure of what these arrays hold, or one that was given."""
        kind = kind_named(self.kind)
        name = f"{measure}.{kind.reduction(over)}"
        if not kind.over:
            found = MEASURES[measure]
            return kind.measured(found, getattr(self, found.reads))
        if name not in self._measures:
            why = "this view has" if self.has_model else "there is no model and"
            raise StrategyError(f"{why} no {name}: give it, or choose another strategy")
        return self._measures[name]

    def prepare(self, names: Sequence[str]) -> None:
        """Nothing to do: everything is here."""

    def narrow(self, rows: np.ndarray | slice) -> ArrayView:
        """The view of some rows, which ascend."""
        return ArrayView(
            some(self.ids, rows),
            labelled=self._labelled,
            labels=some(self.labels, rows) if self.labels else (),
            memory=self.memory,
            cycle=self.cycle,
            kind=self.kind,
            classes=self.classes,
            measures={name: array[rows] for name, array in self._measures.items()},
            metadata=self._metadata,
            target_samples=self._target_samples,
            **{name: array[rows] for name, array in self._arrays.items()},
        )
