"""What annotators that keep answers in a folder share: samples, some of them asked about twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from al.contracts import SECOND, Answer, Label, Query

#: Forms of answers that can be typed.
TYPED = frozenset({"choice", "choices", "value"})
#: A sample, and whether it is asked about for the second time.
Key = tuple[str, bool]


def keys_of(query: Query) -> list[Key]:
    """What a query asks, in its order."""
    return [(id, why == SECOND) for id, why in zip(query.ids, query.reasons, strict=True)]


def revisions(
    given: Iterable[tuple[Key, Answer]], labels: Mapping[str, Label]
) -> tuple[Answer, ...]:
    """Answers that say something else than is known; of two opinions the second one counts."""
    found = {id: answer for (id, _), answer in sorted(given, key=lambda pair: pair[0][1])}
    return tuple(
        answer for id, answer in found.items() if id in labels and answer.label != labels[id]
    )
