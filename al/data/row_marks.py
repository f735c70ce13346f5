"""Labels, ids, splits and contents of rows, as columns of a table tell them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from al.contracts import Label
from al.data.columns import (
    as_texts,
    check_finite,
    exact_texts,
    missing,
    read_numbers,
)
from al.data.notations import PLAIN, Notation, notation_of
from al.data.own import Places, Samples
from al.errors import DataError

#: Columns that are no features where they are there: names of samples, and their split.
ID, SPLIT = "id", "split"
SPLITS = ("", "train", "val", "test")
#: Rows that are turned into texts at a time: a cell of a text takes some 70 bytes.
ROWS = 65_536
#: Whole numbers with no more values than this are classes.
FEW = 20


class Labels(NamedTuple):
    """The labels in a column.

    Attributes:
        labels: None if there is none.
        of_numbers: whether they are numbers rather than classes.
        notation: how numbers are written.
    """

    labels: list[Label | None]
    of_numbers: bool
    notation: Notation


def no_label(column: pd.Series, marks: frozenset[str] | None) -> np.ndarray:
    """Which cells of a target hold no label, [N]: empty ones, and those that are declared to.

    Args:
        marks: what stands for no label; None for all that stands for nothing in features, as
            campaigns take it that began before it could be declared.
    """
    if marks is None:
        return missing(column)
    return np.asarray(column.isna() | as_texts(column).isin({"", *marks}))


def labels_of(
    column: pd.Series,
    name: str,
    place: Callable[[int], str],
    as_number: bool | None = None,
    *,
    marks: frozenset[str] | None = frozenset(),
    written: Notation | str = ".",
    may_lack: bool = False,
) -> Labels:
    """The labels in a column.

    Texts are classes, and so are whole numbers with few values; other numbers are numbers.

    Args:
        as_number: where it is decided already.
        marks: see `no_label`.
        written: how numbers are written, or the decimal mark to find it out by.
        may_lack: it is known what labels are, so that there need be none.

    Raises:
        DataError: there are none, or a few texts stand among numbers; names the row.
    """
    gone = no_label(column, marks)
    if gone.all() and may_lack:
        return Labels([None] * len(column), bool(as_number), PLAIN)
    if gone.all():
        raise DataError(
            f"column {name!r} holds no label: give some rows one, or say what labels are "
            "(classes=cat,dog or kind=number), and people are asked"
        )
    if isinstance(written, str):
        typed = column.dtype.kind in "iufmMb"
        notation = PLAIN if typed else notation_of(as_texts(column)[~gone], written)[0]
    else:
        notation = written
    numbers = read_numbers(column, notation, gone)
    bad = ~gone if numbers is None else np.isnan(numbers) & ~gone
    if as_number is None and numbers is not None and not bad.any():
        known = numbers[~gone]
        whole = bool((known == np.round(known)).all())
        as_number = not whole or len(np.unique(known)) > FEW
    few = 0 < bad.sum() < 0.05 * (~gone).sum()
    if bad.any() and (as_number or (as_number is None and few)):
        row = int(np.flatnonzero(bad)[0])
        cell = str(column.iloc[row])[:40]
        raise DataError(
            f"{place(row)}: column {name!r} holds {cell!r} where other rows hold numbers: mend "
            f"it, leave it empty, or pass missing_labels={cell} or kind=class"
        )
    if as_number and numbers is not None:
        check_finite(numbers, name, place)
        found = [None if lost else float(n) for n, lost in zip(numbers, gone, strict=True)]
        return Labels(found, True, notation)
    texts = _rounded(column) if marks is None else exact_texts(column)
    cells = zip(texts.tolist(), gone.tolist(), strict=True)
    found_texts = [None if lost else text for text, lost in cells]
    return Labels(found_texts, False, notation)


def several(labels: Sequence[Label | None], sign: str) -> list[Label | None]:
    """Texts as the classes that they name, sorted lists; a separator alone means no class."""
    parts = (None if label is None else str(label).split(sign) for label in labels)
    return [
        None if some is None else sorted({name.strip() for name in some if name.strip()})
        for some in parts
    ]


def _rounded(column: pd.Series) -> pd.Series:
    """Texts as they were taken before whole numbers were taken exactly."""
    if column.dtype.kind != "f":
        return as_texts(column)
    return column.map("{:g}".format)


def samples_of(
    frame: pd.DataFrame,
    labels: Sequence[Label | None],
    place: Callable[[int], str],
    contents: Sequence[str],
    whole: Sequence[str] | None = None,
) -> Samples:
    """Ids, splits and contents of rows.

    Without a column `id` a row is called by what it holds, and copies are numbered.

    Args:
        contents: digest of what each row holds that is learned from.
        whole: digest of all that it holds, by which it is called; the same where None.

    Raises:
        DataError: a split is none, or an id is missing; names the row.
    """
    splits = splits_of(frame, place)
    ids = ids_of(frame, place, contents if whole is None else whole)
    places, named = Places(place, len(frame)), ID in frame.columns
    return Samples(ids, labels, splits, contents, places, named=named)


def ids_of(frame: pd.DataFrame, place: Callable[[int], str], whole: Sequence[str]) -> list[str]:
    """The ids of rows: those of the column `id`, or by what they hold.

    Raises:
        DataError: an id is missing; names the row.
    """
    if ID not in frame.columns:
        return numbered(whole)
    gone = missing(frame[ID])
    if gone.any():
        raise DataError(f"{place(int(np.flatnonzero(gone)[0]))} has no id: give it one")
    return list(as_texts(frame[ID]))


def splits_of(frame: pd.DataFrame, place: Callable[[int], str]) -> list[str]:
    """The split that each row says it is in; "" where it says none.

    Raises:
        DataError: it is none that there is; names the row.
    """
    if SPLIT not in frame.columns:
        return [""] * len(frame)
    gone = missing(frame[SPLIT])
    splits = as_texts(frame[SPLIT]).str.lower().mask(gone, "").tolist()
    for row, split in enumerate(splits if set(splits) - {*SPLITS} else ()):
        if split not in SPLITS:
            raise DataError(f"{place(row)} has split {split!r}: write train, val, test or nothing")
    return list(splits)


def contents_of(frame: pd.DataFrame) -> list[str]:
    """Digest of what each row holds."""
    starts = range(0, len(frame), ROWS)
    return [mark for at in starts for mark in _contents_of(frame.iloc[at : at + ROWS])]


def _contents_of(frame: pd.DataFrame) -> list[str]:
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
    if len(set(contents)) == len(contents):
        return [f"row-{content[:16]}" for content in contents]
    counts: dict[str, int] = {}
    found = []
    for content in contents:
        counts[content] = counts.get(content, 0) + 1
        more = f"-{counts[content]}" if counts[content] > 1 else ""
        found.append(f"row-{content[:16]}{more}")
    return found
