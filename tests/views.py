"""A pool without a model or data behind it, for strategies."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from al.errors import StrategyError


@dataclass
class ArrayView:
    """A view over given arrays; it notes what was read of it."""

    ids: tuple[str, ...]
    arrays: dict[str, np.ndarray]
    labelled_arrays: dict[str, np.ndarray]
    has_model: bool = True
    read: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("_") or name not in (
            "probabilities",
            "samples",
            "embeddings",
            "features",
        ):
            raise AttributeError(name)
        self.read.add(name)
        if name != "features" and not self.has_model:
            raise StrategyError("there is no model")
        return self.arrays[name]

    @property
    def metadata(self) -> pd.DataFrame:
        return pd.DataFrame(index=list(self.ids))

    @property
    def labelled(self) -> ArrayView:
        arrays = self.labelled_arrays
        count = len(arrays["features"])
        return ArrayView(tuple(f"l{i:03d}" for i in range(count)), arrays, {}, self.has_model)


def view(
    seed: int, pool: int, labelled: int = 5, classes: int = 4, has_model: bool = True
) -> ArrayView:
    """A structured pool: clusters, some of its samples doubled."""
    rng = np.random.default_rng(seed)

    def arrays(count: int) -> dict[str, np.ndarray]:
        centres = rng.integers(0, 3, (count, 1)) * 4.0
        embeddings = (centres + rng.normal(size=(count, 6))).astype(np.float32)
        if count > 3:
            embeddings[1] = embeddings[0]
        logits = rng.normal(size=(count, 8, classes)) * 2
        if count > 3:
            logits[1] = logits[0]
        samples = np.exp(logits)
        samples = (samples / samples.sum(-1, keepdims=True)).astype(np.float32)
        return {
            "probabilities": samples.mean(1),
            "samples": samples,
            "embeddings": embeddings,
            "features": np.hstack([embeddings, embeddings]),
        }

    ids = tuple(f"s{i:04d}" for i in range(pool))
    return ArrayView(ids, arrays(pool), arrays(labelled), has_model)


def shuffled(original: ArrayView, order: np.ndarray) -> ArrayView:
    """The same samples under the same ids, held in another order and sorted again by id."""
    arrays = {name: array[order][np.argsort(order)] for name, array in original.arrays.items()}
    return ArrayView(original.ids, arrays, original.labelled_arrays, original.has_model)
