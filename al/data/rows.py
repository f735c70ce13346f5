"""What Data Loaders over numbered rows share: ids to rows, batches of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from al.contracts import Batch, DataLoader, Label, Split, Splits
from al.errors import DataError
from al.kinds import Kind, kind_of


class RowLoader(DataLoader):
    """Samples that are rows of something."""

    _row: dict[str, int]  # of each id
    _splits: dict[str, tuple[str, ...]]
    _held_out: Splits  # as they were drawn, whether all of them have a label or not
    _kind: Kind | None = None

    @abstractmethod
    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        """The samples of some rows in the form that the Graph takes."""

    @property
    def kind(self) -> Kind:
        """The kind of problem, bound to the spec there is now."""
        if self._kind is None or self._kind.spec is not self.spec:
            self._kind = kind_of(self.spec)
        return self._kind

    def check_label(self, label: Label) -> None:
        self.kind.check(label)

    def may_train(self, taken: set[str]) -> Sequence[str]:
        """Ids that are training samples where these are taken by other splits."""
        return [id for id in self._row if id not in taken]

    def freeze(self, splits: Splits) -> None:
        taken = (*splits.val, *splits.test)
        if gone := self.missing(taken):
            raise DataError(
                f"{len(gone)} samples of the campaign's splits are gone, {gone[0]!r} first: "
                "restore the data, or start another campaign"
            )
        self._held_out = splits
        self._splits = {
            "val": tuple(sorted(splits.known("val"))),
            "test": tuple(sorted(splits.known("test"))),
        }

    def missing(self, ids: Sequence[str]) -> list[str]:
        return [id for id in ids if id not in self._row]

    def ids(self, split: Split) -> tuple[str, ...]:
        if split not in self._splits:  # of millions, these are derived when they are asked for
            taken = {*self._held_out.val, *self._held_out.test}
            self._splits[split] = tuple(sorted(self.may_train(taken)))
        return self._splits[split]

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Rows of ids."""
        return np.fromiter((self._row[id] for id in ids), dtype=np.int64, count=len(ids))

    def targets(self, ids: Sequence[str], labels: Sequence[Label]) -> torch.Tensor:
        """Labels of some samples as the Graph takes them, one row each."""
        return self.kind.tensor(labels)

    def batches(
        self,
        ids: Sequence[str],
        labels: Sequence[Label] | None = None,
        *,
        batch_size: int,
        shuffle: np.random.Generator | None = None,
    ) -> Iterator[Batch]:
        rows = self.rows(ids)
        targets = None if labels is None else self.targets(ids, labels)
        order = np.arange(len(ids)) if shuffle is None else shuffle.permutation(len(ids))
        for start in range(0, len(ids), batch_size):
            chosen = order[start : start + batch_size]
            yield Batch(
                tuple(ids[i] for i in chosen),
                self.inputs(rows[chosen]),
                None if targets is None else targets[chosen],
            )
