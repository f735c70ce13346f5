"""Entities as files and people give them, brought into one form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from al.contracts import DataSpec, Label
from al.errors import LabelError
from al.kinds import kind_of
from al.kinds.entities import LIKE

#: Remarks on texts, with where they stand.
Odd = dict[str, list[str]]


def taken(
    texts: Sequence[str], given: Iterable[Any], place: Callable[[int], str]
) -> tuple[list[Label | None], Odd]:
    """The labels of texts, and what is odd about them.

    Those whose entities cannot be used count as unlabelled.

    Args:
        given: in any form that `Entities.from_form` takes; None, or NaN, where nobody has looked.
        place: where a row stands, for messages.
    """
    found: list[Label | None] = []
    odd: Odd = {}
    for row, (text, value) in enumerate(zip(texts, given, strict=True)):
        label = None
        try:
            if value is not None and value == value:
                as_given = _of_some_classes(value)
                label = bare(text, as_given)
                if label != as_given:
                    what = "texts have entities with space around them, which is left out"
                    odd.setdefault(what, []).append(place(row))
        except LabelError as error:
            what = "texts have entities that cannot be used, and count as unlabelled"
            odd.setdefault(what, []).append(f"{place(row)}: {error}")
        found.append(label)
    return found, odd


def _of_some_classes(value: Any) -> Label:
    """A label, whatever classes it names.

    Raises:
        LabelError: it is none.
    """
    label = kind_of(DataSpec((), (), "int32", "entities")).from_form(value)
    if not isinstance(label, list):
        raise LabelError(LIKE)
    names = dict.fromkeys(one["label"] for one in label if isinstance(one["label"], str))
    for one in label:
        if not isinstance(one["label"], str) or not one["label"].strip():
            raise LabelError(f"{one['label']!r} is not a name of a class")
    kind_of(DataSpec(tuple(names), (), "int32", "entities")).check(label)
    return label


def bare(text: str, label: Label) -> Label:
    """Entities without the space around them.

    Raises:
        LabelError: one reaches beyond its text, or is of spaces alone.
    """
    found = []
    for one in label:
        start, end = one["start"], one["end"]
        if end > len(text):
            raise LabelError(
                f"an entity at {start}–{end} reaches beyond its text of {len(text)} characters: "
                "count in code points, as Python does"
            )
        within = text[start:end]
        if not within.strip():
            raise LabelError(f"an entity at {start}–{end} holds spaces alone: take it out")
        start += len(within) - len(within.lstrip())
        end -= len(within) - len(within.rstrip())
        found.append({**one, "start": start, "end": end})
    return found
