"""Data Loaders over rows of numbers and categories, from a file or a data frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from al.contracts import DataSpec, Label, Preview
from al.data.chosen import ignored
from al.data.classes import spec_of_targets
from al.data.columns import (
    as_numbers,
    as_texts,
    encoded,
    learned,
    missing,
    values_of,
    width,
)
from al.data.delimited import log_once
from al.data.derived import ROWS, Derived
from al.data.notations import PLAIN, Notation, decimal_of
from al.data.oddities import LISTED, gaps, lost, notation_line, unread
from al.data.own import READING, OwnLoader, Places, Samples
from al.data.places import find
from al.data.reading import UNASKED, Asked, names_in, read_table, with_target
from al.data.row_marks import (
    ID,
    SPLIT,
    Labels,
    contents_of,
    ids_of,
    labels_of,
    no_label,
    several,
    splits_of,
)
from al.data.watched import OneFile, Watched
from al.errors import DataError, did_you_mean

_log = logging.getLogger(__name__)


class TableLoader(OwnLoader):
    """Rows with a class or a number each.

    Args:
        frame: features, the target and, where there are some, the columns `id` and `split`.
        target: name of the column that is to be learned; empty where a label is missing.
        place: where a row stands, for messages.
        what: what the rows are called in messages.
        published: see `OwnLoader`.
        asked: what the user says of the columns.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        target: str,
        *,
        place: Callable[[int], str],
        what: str,
        published: bool = False,
        asked: Asked = UNASKED,
    ) -> None:
        self.target, self._place, self._what, self._asked = target, place, what, asked
        self._look_at(frame)
        features, drop = names_in(asked.features), names_in(asked.drop)
        ignoring = self._derived.value(
            "ignored",
            [features, drop, target],
            lambda: ignored(self._features, features, drop, target, what),
        )
        prefer = self._prefer(frame)
        labels, _, notation = self._labels(asked.as_number, asked.marks, prefer)
        columns, left_out = self._derived.value(
            "learned",
            [list(ignoring), prefer, features, target],
            lambda: learned(
                self._features.drop(columns=list(ignoring)), prefer, frozenset(features)
            ),
        )
        self.left_out = {**ignoring, **left_out}
        if not columns:
            raise DataError(
                f"{what} has no column to learn from beside {target!r}: add some, "
                "or name those that count in features=…"
            )
        gaps = [made["name"] for made in columns if made["gaps"]]
        details: dict[str, Any] = {"columns": columns, "optional": gaps, "target": target}
        details |= {"reading": READING, "ignored": sorted(ignoring), "written": list(notation)}
        if asked.sign:
            labels = several(labels, asked.sign)
        places = Places(place, len(frame))
        shape, where = (width(columns),), f"column {target!r} of {what}"
        self.spec = spec_of_targets(
            labels, places, where, shape, "float32", asked.classes, asked.like, **details
        )
        self.published = published
        samples = self._taken(labels)
        self._rows_as_numbers = self._encoded()
        super().__init__(samples, self.spec, published=published)

    def _look_at(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._features = frame.drop(columns=[self.target, ID, SPLIT], errors="ignore")
        self._derived = self._derived_of(frame)

    def _derived_of(self, frame: pd.DataFrame) -> Derived:
        return Derived()

    def _prefer(self, frame: pd.DataFrame) -> str:
        """The decimal mark of the file, as `al.data.notations.notation_of` takes it."""
        gaps_as = {"point": ".", "comma": ","}.get(self._asked.decimal)
        separator = frame.attrs.get("separator")
        return gaps_as or (decimal_of(frame, separator) if separator else ".")

    def retake(self, frame: pd.DataFrame) -> None:
        """Use these rows from now on, taken in as before.

        Raises:
            DataError: a label is none that is known, or a number is none.
        """
        self._look_at(frame)
        self._take_again()

    def _take_again(self) -> None:
        """Take the rows in as the spec says."""
        written = Notation(*self.spec.details.get("written", PLAIN))
        marks = None if self.reading < 2 else self._asked.marks
        labels = self._labels(self.as_number, marks, written).labels
        if self._asked.sign:
            labels = several(labels, self._asked.sign)
        self.take(self._taken(labels))
        self.check_known()
        self._rows_as_numbers = self._encoded()
        if not self.published:
            for line in self._lost():
                log_once(line, _log)

    def _labels(
        self, as_number: bool | None, marks: frozenset[str] | None, written: Notation | str
    ) -> Labels:
        """See `labels_of`; once found, they are known as a campaign that began so reads them."""

        def remembered(key: Sequence[Any], make: Callable[[], Labels]) -> Labels:
            gaps_as = None if marks is None else sorted(marks)
            found: Labels = self._derived.remembered("labels", [self.target, gaps_as, *key], make)
            return found

        column = self._frame[self.target]
        found = remembered(
            [as_number, written],
            lambda: labels_of(
                column,
                self.target,
                self._place,
                as_number,
                marks=marks,
                written=written,
                may_lack=self._asked.like is not None,
            ),
        )
        return remembered([found.of_numbers, found.notation], lambda: found)

    def _taken(self, labels: Sequence[Label | None]) -> Samples:
        """The rows as samples; those that differ only in columns that are ignored are copies."""
        whole = self._contents([])
        ignoring = [n for n in self.spec.details.get("ignored", ()) if n in self._features.columns]
        held = self._contents(ignoring) if ignoring else whole
        ids = self._derived.remembered("ids", None, lambda: ids_of(self._frame, self._place, whole))
        splits = self._derived.remembered(
            "splits", None, lambda: splits_of(self._frame, self._place)
        )
        named, places = ID in self._frame.columns, Places(self._place, len(self._frame))
        return Samples(ids, labels, splits, held, places, named=named)

    def _contents(self, without: Sequence[str]) -> list[str]:
        """Digest of what each row holds beside some columns."""
        features = self._features.drop(columns=list(without))
        return self._derived.texts(
            "contents", list(map(str, features.columns)), lambda: contents_of(features)
        )

    def _encoded(self) -> np.ndarray:
        columns = self.spec.details["columns"]
        return self._derived.array(
            "encoded", columns, lambda: encoded(self._features, columns, self._place)
        )

    def adopt(self, spec: DataSpec) -> None:
        new, self.spec = self.spec, spec
        self._take_again()
        for line in self._otherwise(new):
            log_once(f"{self._what}: {line}", _log)

    def _otherwise(self, new: DataSpec) -> list[str]:
        """How a campaign that began today would take the columns, where that is otherwise."""
        now, then = (
            {m["name"]: (m["kind"], m.get("written")) for m in spec.details["columns"]}
            for spec in (new, self.spec)
        )
        lines = [f"{name!r} is used as {then[name][0]}" for name in then if name not in now]
        lines += [f"{name!r} is not used" for name in now if name not in then]
        lines += [
            f"{name!r} is read as {then[name][0]}" for name in then
            if name in now and now[name] != then[name]
        ]  # fmt: skip
        return [f"{line}, as this campaign began; a new campaign would not do so" for line in lines]

    @property
    def as_number(self) -> bool:
        """Whether labels are numbers rather than classes."""
        return not self.spec.classes

    def summary(self) -> list[str]:
        known = [label for label in self.samples.labels if label is not None]
        count = f"{len(known)} of {len(self._row)} rows have it"
        written = Notation(*self.spec.details.get("written", PLAIN))
        gone = no_label(self._frame[self.target], self._asked.marks)
        cells = self._frame[self.target][~gone]
        if not self.as_number:
            names = ", ".join(repr(name) for name in self.spec.classes[:3])
            more = ", …" if len(self.spec.classes) > 3 else ""
            line = f"target {self.target!r} is {len(self.spec.classes)} classes ({names}{more})"
            may_be = known and as_numbers(cells, written) is not None and self._asked.kind == "auto"
            other = "; kind=number learns it as a quantity" if may_be else ""
            if sign := self._asked.sign:
                line, other = f"{line}, several a row, separated by {sign!r}", ""
        else:
            reach = f", {min(known):g} to {max(known):g}" if known else ""
            line = f"target {self.target!r} is a number{reach}"
            whole = bool(known) and all(float(label).is_integer() for label in known)
            other = "; kind=class learns it as classes" if whole else ""
        lines = [f"{line}; {count}{other}"]
        if self.as_number and known and written != PLAIN:
            lines += notation_line(self.target, cells, np.array(known), written)
        if self.left_out:
            some = [f"{name} ({why})" for name, why in self.left_out.items()]
            more = f" and {len(some) - LISTED} more" if len(some) > LISTED else ""
            lines.append(
                f"left out: {', '.join(some[:LISTED])}{more}; features=… says what to learn from"
            )
        columns = self.spec.details["columns"]
        used = self._features[[made["name"] for made in columns]]
        return [*lines, *gaps(used), *unread(self._features, columns)]

    def oddities(self) -> list[str]:
        return [*self._lost(), *super().oddities()]

    def _lost(self) -> list[str]:
        columns = self.spec.details["columns"]
        found: list[str] = self._derived.value(
            "lost", [self._what, columns], lambda: lost(self._features, columns, self._place)
        )
        return found

    # -- samples ---------------------------------------------------------------------------

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(self._rows_as_numbers[rows]))

    def preview(self, id: str) -> Preview:
        row = self._features.iloc[self._row[id]]
        return Preview(row={str(name): _plain(value) for name, value in row.items()})

    def metadata(self, ids: Sequence[str]) -> pd.DataFrame:
        """The features as they stand in the data; numbers as numbers."""
        rows = self.rows(ids)
        made = {made["name"]: made for made in self.spec.details["columns"]}
        table = {}
        for name in map(str, self._features.columns):
            part = self._features[name].iloc[rows]
            of_numbers = made.get(name, {}).get("kind") == "number"
            numbers = values_of(part, made[name])[0][0] if of_numbers else as_numbers(part)
            table[name] = as_texts(part).to_numpy() if numbers is None else numbers
        return pd.DataFrame(table, index=pd.Index(ids, name="id"))

    def example(self) -> pd.DataFrame:
        """Two rows with the columns that count, numbers as numbers."""
        rows = self.rows(self.ids("train")[:2])
        frame = pd.DataFrame(index=range(len(rows)))
        for made in self.spec.details["columns"]:
            part = self._features[made["name"]].iloc[rows]
            gone = missing(part)
            cells: Any = as_texts(part).to_numpy()
            if made["kind"] == "number":
                (cells,), gone = values_of(part, made)
            cells = [None if lost else cell for cell, lost in zip(cells, gone, strict=True)]
            kind = "float64" if made["kind"] == "number" else object
            frame[made["name"]] = pd.Series(cells, dtype=kind)
        return frame


class TableFileLoader(TableLoader, OneFile):
    """A user's own CSV, TSV or parquet file, looked at again as each cycle begins.

    Args:
        data: the file, as `al.data.places.find` takes it.
        asked: what the user says of how it is to be read.
    """

    def __init__(self, data: str, target: str, asked: Asked = UNASKED) -> None:
        self._file = find(data, folder=False)
        self._watched = Watched(self._file)
        self.target, self._asked = target, asked
        name = self._file.name
        super().__init__(
            self._read(), target, place=lambda row: f"{name} row {row + 1}", what=name, asked=asked
        )

    def _read(self) -> pd.DataFrame:
        frame = read_table(self._file, self._asked.separator, self._asked.sheet)
        return with_target(frame, self.target, self._file, self._asked)

    def _derived_of(self, frame: pd.DataFrame) -> Derived:
        if len(frame) < ROWS:
            return Derived()
        read_as = [self._watched.digest, self._asked.separator, self._asked.sheet]
        # Where it was written to since it was read, what was read is not kept for what is there.
        return Derived() if self._watched.touched() else Derived(read_as)

    def source(self, id: str) -> str | None:
        return f"{self._file}#row={self._row[id] + 1}"


def _plain(value: Any) -> Any:
    """A cell as JSON can say it."""
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, (int, float, str, bool)) or value is None else str(value)


def rows_given(given: Any, spec: DataSpec) -> np.ndarray:
    """What a user hands to a served version, a data frame of rows, as float32 [n, F].

    Columns that had gaps may be left out and count as missing; others that the version does not
    know are not looked at. Cells with values that it does not know are reported.

    Raises:
        DataError: a column that had no gaps is missing, or a number is infinite.
    """
    frame, columns = pd.DataFrame(given), spec.details["columns"]
    there = set(map(str, frame.columns))
    gone = [made["name"] for made in columns if not made["gaps"] and made["name"] not in there]
    if gone:
        near = did_you_mean(gone[0], sorted(there))
        raise DataError(f"there is no column {gone[0]!r}, which had no gaps so far: {near}")
    for line in lost(frame, columns, lambda row: f"row {frame.index[row]}"):
        _log.warning(line)
    return encoded(frame, columns)
