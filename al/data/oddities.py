"""What was made of cells that can be read in more than one way, or not at all, in lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from al.data.columns import as_texts, missing, others, values_of
from al.data.notations import SPACES, order_of

#: Columns that a line names.
LISTED = 12
#: Marks of notations in words.
_WORDS = {".": "a point", ",": "a comma", " ": "spaces", "'": "apostrophes"}


def unread(frame: pd.DataFrame, columns: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each column whose cells could be read in another way.

    Args:
        columns: as `al.data.columns.learned` found them.
    """
    lines = []
    for made in columns:
        column = frame[made["name"]]
        if "hashed" in made:
            lines += _shared(column, made)
        if made["kind"] == "category" or ("written" not in made and made["kind"] == "number"):
            continue
        values, lost = values_of(column, made)
        if made["kind"] == "number":
            lines += notation_line(made["name"], column[~lost], values[0][~lost], made["written"])
        elif column.dtype.kind != "M":
            lines += _date_line(made["name"], column[~lost], made["order"])
    return lines


def gaps(frame: pd.DataFrame) -> list[str]:
    """A line about columns with missing cells, those with most first."""
    counts = {str(name): int(missing(frame[name]).sum()) for name in frame.columns}
    order = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])
    if not order:
        return []
    some = [f"{name} {counts[name]}" for name in order[:LISTED]]
    more = f" and {len(order) - LISTED} columns more" if len(order) > LISTED else ""
    return [f"missing cells of {len(frame)} rows: {', '.join(some)}{more}"]


def lost(
    frame: pd.DataFrame, columns: Iterable[Mapping[str, Any]], place: Callable[[int], str]
) -> list[str]:
    """A line for each column some of whose cells say something that is not used.

    Args:
        columns: as `al.data.columns.learned` found them; those that are not there say nothing.
        place: where a row stands.
    """
    lines = []
    for made in columns:
        if made["name"] not in frame.columns:
            continue
        column = frame[made["name"]]
        gone = missing(column)
        if made["kind"] == "category":
            lines += [] if "hashed" in made else _rare(column, made, gone)
            continue
        bad = np.flatnonzero(values_of(column, made)[1] & ~gone)
        if len(bad):
            what = "dates" if made["kind"] == "date" else "numbers"
            cell = str(column.iloc[bad[0]])[:40]
            lines.append(
                f"column {made['name']!r}: {len(bad)} of {(~gone).sum()} cells are not {what} and "
                f"count as missing, {cell!r} first ({place(int(bad[0]))}): mend them if they "
                "are not"
            )
    return lines


def notation_line(
    name: str, cells: pd.Series, values: np.ndarray, written: Iterable[Any]
) -> list[str]:
    """How a column of numbers is read, with an example, where it holds marks."""
    decimal, thousands, percent = written
    texts = as_texts(cells)
    marks = texts.str.count(rf"[.,'%{SPACES}]").to_numpy()
    if not marks.any():
        return []
    where = int(np.argmax(marks))
    how = f"{_WORDS[decimal]} before decimals"
    how += f" and {_WORDS[thousands]} between thousands" if thousands else ""
    how += ", in percent" if percent else ""
    other = "point" if decimal == "," else "comma"
    return [
        f"column {name!r} is read with {how} ({texts.iloc[where]!r} is {values[where]:g}): pass "
        f"decimal={other} if that is wrong"
    ]


def _date_line(name: str, cells: pd.Series, order: str) -> list[str]:
    texts = as_texts(cells)
    words = {"y": "year", "m": "month", "d": "day"}
    line = f"column {name!r} holds dates, {'-'.join(words[part] for part in order)}"
    if order_of(texts)[1]:
        line += f", which could be another order ({texts.iloc[0]!r}): write 2024-12-31 to be sure"
    return [line]


def _shared(column: pd.Series, made: Mapping[str, Any]) -> list[str]:
    """How many cells hold a value that shares its column with others."""
    gone = missing(column)
    texts = as_texts(column).iloc[others(column, made, gone)]
    if not len(texts):
        return []
    return [
        f"column {made['name']!r}: {len(texts)} of {(~gone).sum()} cells hold one of "
        f"{texts.nunique()} values beside the {len(made['values'])} commonest, "
        f"{texts.iloc[0][:40]!r} first: these share {made['hashed']} numbers by their hash; merge "
        "values in the file if some mean the same"
    ]


def _rare(column: pd.Series, made: Mapping[str, Any], gone: np.ndarray) -> list[str]:
    """How many cells hold a value that has no column of its own."""
    rest = others(column, made, gone)
    if not len(rest):
        return []
    example = as_texts(column).iloc[rest[0]][:40]
    return [
        f"column {made['name']!r}: {len(rest)} of {(~gone).sum()} cells hold none of its "
        f"{len(made['values'])} values that are kept apart, {example!r} first: merge values in the "
        "file to change which"
    ]
