"""Labels, ids, splits and contents of rows, as columns of a table tell them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from al.contracts import Label
from al.data.columns import as_numbers, as_texts, check_finite, missing
from al.data.own import Samples
from al.errors import DataError

#: Columns that are no features where they are there: names of samples, and their split.
ID, SPLIT = "id", "split"
SPLITS = ("", "train", "val", "test")
#: Whole numbers with no more values than this are classes.
FEW = 20


def labels_of(
    column: pd.Series,
    name: str,
    place: Callable[[int], str],
    as_number: bool | None = None,
) -> tuple[list[Label | None], bool]:
    """The labels in a column, and whether they are numbers rather than classes.

    Texts are classes, and so are whole numbers with few values; other numbers are numbers.

    Args:
        as_number: where it is decided already.

    Raises:
        DataError: there are none, or a few texts stand among numbers; names the row.
    """
    gone = missing(column)
    if gone.all():
        raise DataError(f"column {name!r} holds no label: give some rows one")
    numbers = as_numbers(column)
    if as_number is None and numbers is not None:
        known = numbers[~gone]
        whole = bool((known == np.round(known)).all())
        as_number = not whole or len(np.unique(known)) > FEW
    if as_number:
        if numbers is None:
            raise _no_number(column, gone, name, place)
        check_finite(numbers, name, place)
        return [None if lost else float(n) for n, lost in zip(numbers, gone, strict=True)], True
    if numbers is None and column.dtype.kind != "b":
        tried = pd.to_numeric(column.mask(gone), errors="coerce").isna().to_numpy() & ~gone
        if 0 < tried.sum() < 0.05 * (~gone).sum():
            raise _no_number(column, gone, name, place)
    whole_floats = column.dtype.kind == "f" and numbers is not None
    texts = [f"{n:g}" for n in numbers] if whole_floats and numbers is not None else (
        as_texts(column).tolist()
    )  # fmt: skip
    return [None if lost else text for text, lost in zip(texts, gone, strict=True)], False


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
