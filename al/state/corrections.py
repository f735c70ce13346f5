"""Labels that were written into the data after a campaign had labels of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from al.contracts import Answer, Kept, Label, Seen
from al.state.labels import LabelTable
from al.state.rows import GIVEN, as_json, cells, corrected


def changed_labels(
    before: Mapping[str, Kept], now: Mapping[str, Kept], ids: Iterable[str]
) -> dict[str, Label]:
    """Labels that the data says now and did not say before, by id, in the order of ids."""
    was = Seen.of(before)
    return {
        id: now[id].label
        for id in sorted(set(Seen.of(now).otherwise(was)).intersection(ids))
        if now[id].label is not None
        and as_json(now[id].label) != as_json(was[id].label if id in was else None)
    }


def of_copies(
    labels: LabelTable, changed: Mapping[str, Label], now: Mapping[str, Kept]
) -> dict[str, Label]:
    """What changed labels say of copies that were asked about and of which the data says nothing.

    Changed labels of one content that contradict each other say nothing of its copies.
    """
    if not changed:
        return {}
    given: dict[str, set[str]] = {}
    for id, label in changed.items():
        given.setdefault(now[id].content, set()).add(as_json(label))
    label_of = {
        now[id].content: label for id, label in changed.items() if len(given[now[id].content]) == 1
    }
    return {
        id: label_of[now[id].content]
        for id in labels.originals.frame["id"]
        if id in now and now[id].label is None and now[id].content in label_of
    }


def with_written(
    labels: LabelTable, changed: Mapping[str, Label], cycle: int, at: str
) -> LabelTable:
    """The table in which labels that were written into the data since count.

    Who is in the table gets the new label, and what was there before is kept; a sample that is
    still waited for is answered by it. Others are left to `with_given`.

    Args:
        cycle: that saw the change first.
        at: when that was, ISO 8601 in UTC.
    """
    known = labels.originals.frame
    rows: list[dict[str, Any]] = []
    for values in known[known["id"].isin(changed.keys())].to_dict("records"):
        row = {str(name): value for name, value in values.items()}
        answer = Answer(row["id"], changed[row["id"]], GIVEN, at)
        if as_json(answer.label) == row["label"]:
            continue
        if row["status"] == "waiting":
            rows.append(row | cells(answer) | {"status": "answered", "collected": cycle})
        else:
            rows.append(corrected(row, answer, cycle))
    return labels.updated(LabelTable.of(rows)) if rows else labels
