"""Data Loaders over rows of numbers and categories, from a file or a data frame."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from al.contracts import DataSpec, Label, Preview, Splits
from al.data.columns import (
    as_numbers,
    as_texts,
    check_finite,
    encoded,
    learned,
    missing,
    width,
)
from al.data.own import OwnLoader, Samples, class_names
from al.data.places import find
from al.data.reading import column, read_table
from al.errors import DataError
from al.progress import say

#: Columns that are no features where they are there: names of samples, and their split.
ID, SPLIT = "id", "split"
SPLITS = ("", "train", "val", "test")
#: Whole numbers with no more values than this are classes.
FEW = 20


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
        labels, kind = labels_of(frame[target], target, place)
        self._features = frame.drop(columns=[target, ID, SPLIT], errors="ignore")
        samples = samples_of(frame, labels, place, contents_of(self._features))
        columns, self.left_out = learned(self._features)
        if not columns:
            raise DataError(f"{what} has no column to learn from beside {target!r}: add some")
        gaps = [made["name"] for made in columns if made["gaps"]]
        details: dict[str, Any] = {"columns": columns, "optional": gaps, "target": target}
        names: list[str] = []
        if kind == "class":
            names = class_names(labels, samples.places, f"column {target!r} of {what}")
        else:
            known = np.array([label for label in labels if label is not None])
            details |= {"middle": float(known.mean()), "unit": float(known.std()) or 1.0}
        spec = DataSpec(tuple(names), (width(columns),), "float32", kind, details)
        self.spec = spec
        self._rows_as_numbers = self._encoded()
        super().__init__(samples, spec, published=published)

    def retake(self, frame: pd.DataFrame) -> None:
        """Use these rows from now on, taken in as before.

        Raises:
            DataError: a label is none that is known, or a number is none.
        """
        labels, _ = labels_of(frame[self.target], self.target, self._place, self.spec.kind)
        self._features = frame.drop(columns=[self.target, ID, SPLIT], errors="ignore")
        self.take(samples_of(frame, labels, self._place, contents_of(self._features)))
        self.check_known()
        self._rows_as_numbers = self._encoded()

    def _encoded(self) -> np.ndarray:
        return encoded(self._features, self.spec.details["columns"], self._place)

    def adopt(self, spec: DataSpec) -> None:
        if spec.kind != self.spec.kind:  # a column of classes that holds other numbers by now
            labels, _ = labels_of(self._raw_target(), self.target, self._place, spec.kind)
            self.take(Samples(self.samples.ids, labels, self.samples.splits,
                              self.samples.contents, self.samples.places))  # fmt: skip
        super().adopt(spec)
        self._rows_as_numbers = self._encoded()

    def _raw_target(self) -> pd.Series:
        return pd.Series(["" if label is None else label for label in self.samples.labels])

    def propose_splits(self, validation_size: int, seed: int) -> Splits:
        if not self.published:
            say(self.told())
        return super().propose_splits(validation_size, seed)

    def told(self) -> str:
        """What is learned from what, in a line."""
        known = [label for label in self.samples.labels if label is not None]
        if self.spec.kind == "class":
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


def mark(file: Path) -> tuple[int, int]:
    """What changes when a file does."""
    try:
        stat = file.stat()
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}): restore it") from error
    return stat.st_size, stat.st_mtime_ns


def labels_of(
    column: pd.Series,
    name: str,
    place: Callable[[int], str],
    kind: str = "",
) -> tuple[list[Label | None], Any]:
    """The labels in a column and their kind.

    Texts are classes, and so are whole numbers with few values; other numbers are numbers.

    Args:
        kind: "class" or "number" where it is decided already.

    Raises:
        DataError: there are none, or a few texts stand among numbers; names the row.
    """
    gone = missing(column)
    if gone.all():
        raise DataError(f"column {name!r} holds no label: give some rows one")
    numbers = as_numbers(column)
    if not kind:
        kind = "class"
        if numbers is not None:
            known = numbers[~gone]
            whole = bool((known == np.round(known)).all())
            kind = "class" if whole and len(np.unique(known)) <= FEW else "number"
    if kind == "number":
        if numbers is None:
            raise _no_number(column, gone, name, place)
        check_finite(numbers, name, place)
        return [None if lost else float(n) for n, lost in zip(numbers, gone, strict=True)], kind
    if numbers is None and column.dtype.kind != "b":
        tried = pd.to_numeric(column.mask(gone), errors="coerce").isna().to_numpy() & ~gone
        if 0 < tried.sum() < 0.05 * (~gone).sum():
            raise _no_number(column, gone, name, place)
    whole_floats = column.dtype.kind == "f" and numbers is not None
    texts = [f"{n:g}" for n in numbers] if whole_floats and numbers is not None else (
        as_texts(column).tolist()
    )  # fmt: skip
    return [None if lost else text for text, lost in zip(texts, gone, strict=True)], kind


def _no_number(
    column: pd.Series,
    gone: np.ndarray,
    name: str,
    place: Callable[[int], str],
) -> DataError:
    wrong = pd.to_numeric(column.mask(gone), errors="coerce").isna().to_numpy() & ~gone
    row = int(np.flatnonzero(wrong)[0])
    return DataError(
        f"{place(row)}: column {name!r} holds {str(column.iloc[row])[:40]!r} where other rows "
        "hold numbers: mend it, or leave it empty"
    )


def samples_of(
    frame: pd.DataFrame,
    labels: Sequence[Label | None],
    place: Callable[[int], str],
    contents: Sequence[str],
) -> Samples:
    """Ids, splits and contents of rows.

    Without a column `id` a row is called by what it holds, and copies are numbered.

    Args:
        contents: digest of what each row holds.

    Raises:
        DataError: a split is none, or an id is missing; names the row.
    """
    places = [place(row) for row in range(len(frame))]
    splits = splits_of(frame, place)
    if ID not in frame.columns:
        return Samples(numbered(contents), labels, splits, contents, places)
    gone = missing(frame[ID])
    if gone.any():
        raise DataError(f"{places[int(np.flatnonzero(gone)[0])]} has no id: give it one")
    return Samples(as_texts(frame[ID]).tolist(), labels, splits, contents, places)


def splits_of(frame: pd.DataFrame, place: Callable[[int], str]) -> list[str]:
    """The split that each row says it is in; "" where it says none.

    Raises:
        DataError: it is none that there is; names the row.
    """
    if SPLIT not in frame.columns:
        return [""] * len(frame)
    gone = missing(frame[SPLIT])
    splits = as_texts(frame[SPLIT]).str.lower().mask(gone, "").tolist()
    for row, split in enumerate(splits):
        if split not in SPLITS:
            raise DataError(f"{place(row)} has split {split!r}: write train, val, test or nothing")
    return list(splits)


def contents_of(frame: pd.DataFrame) -> list[str]:
    """Digest of what each row holds."""
    cells = [
        as_texts(frame[name]).mask(missing(frame[name]), "").tolist() for name in frame.columns
    ]
    joined = zip(*cells, strict=True) if cells else ([""] for _ in range(len(frame)))
    return [
        hashlib.blake2b("\x1f".join(row).encode(errors="replace"), digest_size=16).hexdigest()
        for row in joined
    ]


def numbered(contents: Sequence[str]) -> list[str]:
    """Ids by what is held: `row-DIGEST`, and -2, -3 … for copies."""
    counts: dict[str, int] = {}
    found = []
    for content in contents:
        counts[content] = counts.get(content, 0) + 1
        more = f"-{counts[content]}" if counts[content] > 1 else ""
        found.append(f"row-{content[:16]}{more}")
    return found


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
