"""Which columns are learned from: those that are named, or all but those that only name rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from al.data.columns import as_texts, missing, read_numbers
from al.data.notations import PLAIN
from al.errors import ConfigError, DataError, did_you_mean

#: Fewer rows than this tell nothing of what a column is.
ROWS = 10
#: Last words of names of columns that name rows.
_NAMES = frozenset(
    ("id", "ids", "no", "nr", "num", "number", "key", "pk", "uuid", "guid", "index", "idx", "row",
     "rownum", "rowid", "rowno", "serial")
)  # fmt: skip


def ignored(
    frame: pd.DataFrame, features: Sequence[str], drop: Sequence[str], target: str, what: str
) -> dict[str, str]:
    """Columns that are not learned from, and why.

    Args:
        frame: the columns beside target, id and split.
        features: the only ones to learn from; all where empty.
        drop: not to learn from.
        what: what the columns are of, for messages.

    Raises:
        DataError: a name is of no column.
        ConfigError: a column is named in both, or the target in one.
    """
    for word, names in (("features", features), ("drop", drop)):
        for name in names:
            if name == target:
                raise ConfigError(f"{word} names {name!r}, which is the target: leave it out")
            if name not in frame.columns:
                near = did_you_mean(name, [str(known) for known in frame.columns])
                raise DataError(f"{word}: {what} has no column {name!r} to learn from: {near}")
    if both := [name for name in features if name in drop]:
        raise ConfigError(f"{both[0]!r} is in features and in drop: leave it out of one")
    found = {}
    for name in map(str, frame.columns):
        if name in drop:
            found[name] = "drop names it"
        elif features:
            if name not in features:
                found[name] = "features does not name it"
        elif why := names_rows(frame[name]):
            found[name] = why
    return found


def names_rows(column: pd.Series) -> str:
    """Why a column only names rows; "" where it may say something of them.

    Whole numbers or texts, each there once, under a name like `customer_no`; or whole numbers
    from 0 or 1 upwards in steps of one.
    """
    gone = missing(column)
    cells = column[~gone]
    if len(cells) < ROWS or cells.duplicated().any() or column.dtype.kind in "Mm":
        return ""
    values = read_numbers(cells, PLAIN, np.zeros(len(cells), bool))
    known = np.zeros(0) if values is None else values[np.isfinite(values)]
    of_numbers = len(known) == len(cells)
    if of_numbers and (known != np.round(known)).any():
        return ""
    steps = of_numbers and not gone.any() and known[0] in (0, 1) and (np.diff(known) == 1).all()
    if steps:
        return "numbers of rows"
    named = bool(_last_word(str(column.name)) in _NAMES)
    texts = not of_numbers and as_texts(cells).str.len().max() <= 64
    return "a name of each row" if named and (of_numbers or texts) else ""


def _last_word(name: str) -> str:
    """customer_no, customerNo and `Customer No.` end in no."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"^Unnamed: \d+$", "index", name))
    words = re.findall(r"[^\W\d_]+", parted)
    return words[-1].lower() if words else "index"
