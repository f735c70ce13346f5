"""A Data Loader over arrays in memory: images or rows, with labels of any kind."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from al.contracts import DataSpec, Label, Preview, Splits
from al.data.rows import RowLoader
from al.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd


class ArrayLoader(RowLoader):
    """Labelled samples held in two arrays.

    Args:
        ids: one stable text a sample.
        inputs: [N, *input_shape], in the dtype a user would bring.
        targets: one a sample, as the kind says: of class: [N] positions in `classes`; of labels:
            [N, C], whether each applies; of mask: [N, H, W] positions; of boxes: a list of arrays
            [boxes, 5] of position, x, y, width and height; of number: [N].
        classes: label names; none where labels are numbers.
        test: ids that belong to the official test split; never anything else.
        kind: of problem; see `al.kinds`.
        names: of the numbers of a sample that is not an image, for people; else they are counted.

    Raises:
        DataError: lengths differ, ids repeat, or a target is none; names the sample.
    """

    _frozen: Splits | None = None
    _prints: list[str] | None = None

    def __init__(
        self,
        ids: Sequence[str],
        inputs: np.ndarray,
        targets: Any,
        classes: Sequence[str],
        test: Sequence[str],
        kind: str = "class",
        *,
        names: Sequence[str] = (),
    ) -> None:
        if not len(ids) == len(inputs) == len(targets):
            raise DataError(
                f"{len(ids)} ids, {len(inputs)} inputs and {len(targets)} targets: "
                "give one of each a sample"
            )
        self._row = {id: row for row, id in enumerate(ids)}
        if len(self._row) != len(ids):
            raise DataError(f"{len(ids) - len(self._row)} ids repeat: give each sample its own")
        self._inputs = inputs
        self._names = tuple(names) or tuple(map(str, range(int(np.prod(inputs.shape[1:])))))
        self._official_test = tuple(sorted(test))
        shape = tuple(inputs.shape[1:])
        self.spec = DataSpec(tuple(classes), shape, str(inputs.dtype), kind)
        self._targets = targets
        self.kind.check_targets(targets, ids)
        self.freeze(Splits(val=(), test=self._official_test))

    def propose_splits(self, validation_size: int, seed: int) -> Splits:
        """Validation drawn uniformly, without a look at the labels."""
        test = set(self._official_test)
        rest = sorted(id for id in self._row if id not in test)
        if validation_size >= len(rest):
            raise ConfigError(
                f"validation_size={validation_size} leaves no pool of {len(rest)} samples: "
                "give less"
            )
        rng = np.random.default_rng([seed, len(rest)])
        drawn = rng.choice(len(rest), size=validation_size, replace=False)
        return Splits(val=tuple(sorted(rest[i] for i in drawn)), test=self._official_test)

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self._inputs[rows])

    def truth(self, ids: Sequence[str]) -> list[Label]:
        label = self.kind.label
        return [label(self._targets[self._row[id]]) for id in ids]

    def preview(self, id: str) -> Preview:
        """The sample as an image, stretched to its brightest value; as a row if it is none."""
        sample = self._inputs[self._row[id]].astype(np.float64)
        if sample.ndim != 2 and sample.shape[2:] != (3,):
            return Preview(row=dict(zip(self._names, sample.ravel().tolist(), strict=True)))
        peak = 255.0 if self._inputs.dtype == np.uint8 else max(float(sample.max()), 1e-9)
        return Preview(image=np.clip(sample / peak * 255.0, 0, 255).astype(np.uint8))

    def costs(self, ids: Sequence[str]) -> np.ndarray:
        """What the kind of problem says: pixels of outline in a mask, 1 and the boxes, 1 each.

        They are counted in the truth, as an annotator would bill them, so where `costs=on` a
        strategy's budget knows a little of the labels: fit for comparing strategies at equal
        cost. A Data Loader of unlabelled data would estimate them.
        """
        cost = self.kind.cost
        return np.array([cost(self._targets[self._row[id]]) for id in ids], dtype=np.float64)

    def metadata(self, ids: Sequence[str]) -> pd.DataFrame:
        """Mean and standard deviation of each sample's numbers: brightness and contrast."""
        import pandas as pd

        rows = self.rows(ids)
        blocks = np.array_split(rows, max(1, len(rows) // 4096))
        flat = [self._inputs[block].reshape(len(block), -1).astype(np.float64) for block in blocks]
        columns = {
            "mean": np.concatenate([block.mean(axis=1) for block in flat]),
            "std": np.concatenate([block.std(axis=1) for block in flat]),
        }
        return pd.DataFrame(columns, index=pd.Index(ids, name="id"))

    def fingerprints(self, ids: Sequence[str]) -> list[str]:
        """Digest of each sample's numbers."""
        if ids is not self.ids("train"):
            return [self._digest(id) for id in ids]
        if self._prints is None:
            self._prints = [self._digest(id) for id in ids]
        return self._prints

    def _digest(self, id: str) -> str:
        sample = self._inputs[self._row[id]]
        return hashlib.blake2b(sample.tobytes(), digest_size=8).hexdigest()

    def freeze(self, splits: Splits) -> None:
        if splits != self._frozen:  # else all is as it was: these arrays never change
            super().freeze(splits)
            self._frozen, self._prints = splits, None

    def example(self) -> np.ndarray:
        return self._inputs[[self._row[id] for id in self.ids("train")[:2]]]
