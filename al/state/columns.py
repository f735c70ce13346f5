"""The columns of the label table, and whether a table that was read has them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from al.errors import StateError

#: Column → pandas dtype. `label` is JSON, so that a label can be anything; "" where there is
#: none. `cycle`, `strategy`, `rank`, `score`, `model` and `propensity` say how and when the
#: sample was asked about, whenever the answer came.
COLUMNS = {
    "id": "str",
    "label": "str",
    "status": "str",  # answered, skipped, or waiting: asked about, no answer yet
    "cycle": "int64",
    "annotator": "str",
    "answered_at": "str",
    "seconds": "float64",
    "strategy": "str",
    "rank": "int64",
    "score": "float64",
    "model": "str",
    "propensity": "float64",  # where every sample had a known chance; else NaN
    "collected": "int64",  # cycle that the answer came in; 0 where there is none
    "shown": "str",  # models:/NAME/VERSION whose prediction the annotator saw; "" for none
    "votes": "str",  # JSON, all single answers, where there are several; else ""
    "before": "str",  # JSON, what the label was before it was corrected; else ""
    "again": "int64",  # cycle in which a second opinion was asked for; 0 where none was
    "copy_of": "str",  # id of the sample whose answer this copy has; "" for what has its own
}
STATUSES = ("answered", "skipped", "waiting")
#: The table before anything was asked about.
EMPTY = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
#: What a column holds in files written before there was one.
_BEFORE = {"copy_of": ""}


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame's columns in their order and types; those that have theirs are not touched."""
    frame = frame[list(COLUMNS)]
    other = frame.columns[frame.dtypes != EMPTY.dtypes]
    return frame.astype({name: COLUMNS[name] for name in other}) if len(other) else frame


def as_table(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A frame that was read, with all columns in their order and types.

    Raises:
        StateError: says what is wrong with the file of that name.
    """
    frame = frame.assign(**{n: v for n, v in _BEFORE.items() if n not in frame.columns})
    check_columns(frame, COLUMNS, name)
    try:
        frame = typed(frame)
        texts = [frame["label"][frame["status"] == "answered"]]
        texts += [frame[column][frame[column] != ""] for column in ("votes", "before")]
        for text in pd.concat(texts).unique():
            json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise StateError(f"{name} is damaged ({reason}): restore it") from error
    if not frame["status"].isin(STATUSES).all():
        raise StateError(f"{name} is damaged (an unknown status): restore it")
    own = frame["copy_of"] == ""
    copied = set(frame["copy_of"][~own])
    if copied and not copied.issubset(frame["id"][own].tolist()):
        raise StateError(f"{name} is damaged (a copy of nothing): restore it")
    if frame["id"].duplicated().any():
        twice = frame["id"][frame["id"].duplicated()].iloc[0]
        raise StateError(f"{name} holds {twice!r} twice: restore it")
    return frame


def check_columns(frame: pd.DataFrame, columns: Mapping[str, str], name: str) -> None:
    """Refuse a table that has other columns than expected.

    Raises:
        StateError: names the first column that is missing or too many.
    """
    for column in columns:
        if column not in frame.columns:
            raise StateError(f"{name} lacks the column {column!r}: restore it")
    for column in frame.columns:
        if column not in columns:
            raise StateError(f"{name} has an unknown column {column!r}: restore it")
