"""Samples that are exact copies of each other: one of them stands for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from al.state import Contents


def distinct(ids: Sequence[str], contents: Mapping[str, str]) -> tuple[str, ...]:
    """The first of these ids of each content, in their order.

    Chances of being drawn from them are those of contents: what estimates a mean over the
    pool then estimates that over what is in it, however often.

    Args:
        contents: identity of what each sample holds, by id.
    """
    if isinstance(contents, Contents) and not contents.shared:
        return tuple(ids)
    first: dict[str, str] = {}
    for id in ids:
        first.setdefault(contents[id], id)
    return tuple(first.values())
