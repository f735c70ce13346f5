"""One row of the label table, and what an answer makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from al.contracts import Answer

#: Annotator, strategy and model of labels that the data brought along.
GIVEN = "given"


def as_json(value: Any) -> str:
    """A label or a list as a cell holds it."""
    return json.dumps(value, sort_keys=True)


def cells(answer: Answer) -> dict[str, Any]:
    """The columns that an answer fills."""
    return {
        "label": as_json(answer.label),
        "annotator": answer.annotator,
        "answered_at": answer.answered_at,
        "seconds": answer.seconds,
        "shown": answer.shown,
    }


def as_vote(answer: Answer) -> dict[str, Any]:
    """An answer among several."""
    return {**cells(answer), "label": answer.label}


def answered(label: str, annotator: str, before: str) -> Any:
    """The label that an annotator gave last, whatever the data say since, or None."""
    if annotator == GIVEN and before:
        earlier = [was for was in json.loads(before) if was["annotator"] != GIVEN]
        if earlier:
            return earlier[-1]["label"]
    return json.loads(label) if label else None


def votes_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All answers that a row holds."""
    if row["votes"]:
        return list(json.loads(row["votes"]))
    columns = ("annotator", "answered_at", "shown")
    seconds = None if pd.isna(row["seconds"]) else row["seconds"]
    first = {name: row[name] for name in columns} | {"seconds": seconds}
    return [{**first, "label": json.loads(row["label"])}]


def given_again(votes: Sequence[Mapping[str, Any]]) -> int:
    """How many of the votes are second opinions that were given."""
    return sum(vote.get("again") == "answered" for vote in votes)


def add_second(row: dict[str, Any], answer: Answer, cycle: int) -> None:
    """Both answers are kept; the second one counts."""
    votes = [*votes_of(row), {**as_vote(answer), "again": "answered"}]
    if as_json(answer.label) != row["label"]:
        row |= corrected(row, answer, cycle)
    row["votes"] = as_json(votes)


def corrected(row: dict[str, Any], answer: Answer, cycle: int) -> dict[str, Any]:
    """The row with another answer; the one before is kept."""
    was = {
        "label": json.loads(row["label"]) if row["label"] else None,
        "annotator": row["annotator"],
        "answered_at": row["answered_at"],
        "until_cycle": cycle,
    }
    before = [*(json.loads(row["before"]) if row["before"] else []), was]
    seconds = row["seconds"] if answer.seconds is None else answer.seconds
    changes = {**cells(answer), "seconds": seconds, "before": as_json(before)}
    if row["status"] == "skipped":
        changes["collected"] = cycle
    return row | changes | {"status": "answered"}
