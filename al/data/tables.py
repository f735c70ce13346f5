"""Data Loaders over rows of numbers and categories, from a file or a data frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from al.contracts import DataSpec, Preview, Splits
from al.data.columns import (
    as_numbers,
    as_texts,
    encoded,
    learned,
    missing,
    width,
)
from al.data.own import OwnLoader, Samples, class_names
from al.data.places import find
from al.data.reading import column, mark, read_table
from al.data.row_marks import ID, SPLIT, contents_of, labels_of, samples_of
from al.errors import DataError

_log = logging.getLogger(__name__)


class TableLoader(OwnLoader):
    """Rows with a class or a number each.

    Args:
        frame: features, the target and, where there are some, the columns `id` and `split`.
        target: name of the column that is to be learned; empty where a label is missing.
        place: where a row stands, for messages.
        what: what the rows are called in messages.
        published: see `OwnLoader`.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        target: str,
        *,
        place: Callable[[int], str],
        what: str,
        published: bool = False,
    ) -> None:
        self.target, self._place, self._what = target, place, what
        labels, as_number = labels_of(frame[target], target, place)
        self._features = frame.drop(columns=[target, ID, SPLIT], errors="ignore")
        samples = samples_of(frame, labels, place, contents_of(self._features))
        columns, self.left_out = learned(self._features)
        if not columns:
            raise DataError(f"{what} has no column to learn from beside {target!r}: add some")
        gaps = [made["name"] for made in columns if made["gaps"]]
        details: dict[str, Any] = {"columns": columns, "optional": gaps, "target": target}
        names: list[str] = []
        if not as_number:
            names = class_names(labels, samples.places, f"column {target!r} of {what}")
        else:
            known = np.array([label for label in labels if label is not None])
            details |= {"middle": float(known.mean()), "unit": float(known.std()) or 1.0}
        kind = "number" if as_number else "class"
        spec = DataSpec(tuple(names), (width(columns),), "float32", kind, details)
        self.spec = spec
        self._rows_as_numbers = self._encoded()
        super().__init__(samples, spec, published=published)

    def retake(self, frame: pd.DataFrame) -> None:
        """Use these rows from now on, taken in as before.

        Raises:
            DataError: a label is none that is known, or a number is none.
        """
        labels, _ = labels_of(frame[self.target], self.target, self._place, self.as_number)
        self._features = frame.drop(columns=[self.target, ID, SPLIT], errors="ignore")
        self.take(samples_of(frame, labels, self._place, contents_of(self._features)))
        self.check_known()
        self._rows_as_numbers = self._encoded()

    def _encoded(self) -> np.ndarray:
        return encoded(self._features, self.spec.details["columns"], self._place)

    def adopt(self, spec: DataSpec) -> None:
        was, self.spec = self.as_number, spec
        if was != self.as_number:  # a column of classes that holds other numbers by now
            labels, _ = labels_of(self._raw_target(), self.target, self._place, self.as_number)
            self.take(Samples(self.samples.ids, labels, self.samples.splits,
                              self.samples.contents, self.samples.places))  # fmt: skip
        super().adopt(spec)
        self._rows_as_numbers = self._encoded()

    @property
    def as_number(self) -> bool:
        """Whether labels are numbers rather than classes."""
        return not self.spec.classes

    def _raw_target(self) -> pd.Series:
        return pd.Series(["" if label is None else label for label in self.samples.labels])

    def propose_splits(self, validation_size: int, seed: int) -> Splits:
        if not self.published:
            _log.info(self.told())
        return super().propose_splits(validation_size, seed)

    def told(self) -> str:
        """What is learned from what, in a line."""
        known = [label for label in self.samples.labels if label is not None]
        if not self.as_number:
            names = ", ".join(repr(name) for name in self.spec.classes[:3])
            more = ", …" if len(self.spec.classes) > 3 else ""
            what = f"{len(self.spec.classes)} classes ({names}{more})"
        else:
            what = f"a number, {min(known):g} to {max(known):g}"
        line = f"target {self.target!r} is {what}; {len(known)} of {len(self._row)} rows have it"
        some = [f"{name} ({why})" for name, why in list(self.left_out.items())[:5]]
        more = " …" if len(self.left_out) > 5 else ""
        return f"{line}; left out: {', '.join(some)}{more}" if some else line

    # -- samples ---------------------------------------------------------------------------

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self._rows_as_numbers[rows])

    def preview(self, id: str) -> Preview:
        row = self._features.iloc[self._row[id]]
        return Preview(row={str(name): _plain(value) for name, value in row.items()})

    def metadata(self, ids: Sequence[str]) -> pd.DataFrame:
        """The features as they stand in the data; numbers as numbers."""
        rows = self.rows(ids)
        table = pd.DataFrame(index=pd.Index(ids, name="id"))
        for name in self._features.columns:
            part = self._features[name].iloc[rows]
            numbers = as_numbers(part)
            cells = as_texts(part).to_numpy() if numbers is None else numbers
            table[str(name)] = cells
        return table

    def example(self) -> pd.DataFrame:
        """Two rows with the columns that count, numbers as numbers."""
        rows = self.rows(self.ids("train")[:2])
        frame = pd.DataFrame(index=range(len(rows)))
        for made in self.spec.details["columns"]:
            part = self._features[made["name"]].iloc[rows]
            gone = missing(part)
            cells: Any = as_numbers(part) if made["kind"] == "number" else as_texts(part).to_numpy()
            cells = [None if lost else cell for cell, lost in zip(cells, gone, strict=True)]
            kind = "float64" if made["kind"] == "number" else object
            frame[made["name"]] = pd.Series(cells, dtype=kind)
        return frame


class TableFileLoader(TableLoader):
    """A user's own CSV, TSV or parquet file, looked at again as each cycle begins.

    Args:
        data: the file, as `al.data.places.find` takes it.
    """

    def __init__(self, data: str, target: str) -> None:
        self._file = find(data, folder=False)
        self._mark = mark(self._file)
        frame = read_table(self._file)
        column(frame, target, self._file)
        name = self._file.name
        super().__init__(frame, target, place=lambda row: f"{name} row {row + 1}", what=name)

    def refresh(self) -> None:
        if mark(self._file) != self._mark:
            self._mark = mark(self._file)
            frame = read_table(self._file)
            column(frame, self.target, self._file)
            self.retake(frame)

    def source(self, id: str) -> str | None:
        return f"{self._file}#row={self._row[id] + 1}"


def _plain(value: Any) -> Any:
    """A cell as JSON can say it."""
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, (int, float, str, bool)) or value is None else str(value)


def rows_given(given: Any, spec: DataSpec) -> np.ndarray:
    """What a user hands to a served version, a data frame of rows, as float32 [n, F].

    Columns that it lacks count as missing; others are not looked at.
    """
    return encoded(pd.DataFrame(given), spec.details["columns"])
