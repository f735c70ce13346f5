"""Samples that were moved or renamed are the same by what they hold."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import count

from al.contracts import Kept


def known_as(
    found: Sequence[Kept], known: Mapping[str, Kept], keep: Container[str]
) -> dict[str, str]:
    """Ids of samples that are not called by their id, by what they are called.

    A sample is what was seen before with its content; of copies each is the one with its name
    and label, else with its label, else with its name, else any, in order. A sample of another
    content is new; one that stands where nothing of what was known is called by that id any
    more is the same sample, changed; where that id went elsewhere, it gets another one.

    Args:
        found: the samples there are; names are unique.
        known: those that were seen before, by id.
        keep: ids that are kept before others where copies were taken away.
    """
    if len(found) == len(known) and all(known.get(s.name) == s for s in found):
        return {}  # nothing has changed, as nearly always
    ids_of: dict[str, list[str]] = {}
    for id in sorted(known):
        ids_of.setdefault(known[id].content, []).append(id)
    rows_of: dict[str, list[int]] = {}
    for row in sorted(range(len(found)), key=lambda row: found[row].name):
        rows_of.setdefault(found[row].content, []).append(row)
    ids: dict[int, str] = {}
    for content, rows in rows_of.items():
        ids |= _paired(rows, ids_of.get(content, []), found, known, keep)
    taken = set(ids.values())
    for row, sample in enumerate(found):
        if row not in ids:
            ids[row] = next(id for id in _names(sample) if id not in taken)
            taken.add(ids[row])
    return {found[row].name: id for row, id in ids.items() if id != found[row].name}


def _paired(
    rows: Sequence[int],
    ids: Sequence[str],
    found: Sequence[Kept],
    known: Mapping[str, Kept],
    keep: Container[str],
) -> dict[int, str]:
    """Which id each of some samples of one content has; those that are too many have none."""
    keys: tuple[Callable[[Kept], str], ...] = (
        lambda sample: repr((sample.label, sample.name)),
        lambda sample: repr(sample.label),
        lambda sample: sample.name,
        lambda sample: "",
    )
    pairs: dict[int, str] = {}
    left = list(ids)
    for key in keys:
        there: dict[str, list[str]] = {}
        for id in reversed(left):
            there.setdefault(key(known[id]), []).append(id)
        for row in rows:
            if row not in pairs and (fit := there.get(key(found[row]))):
                pairs[row] = fit.pop()
        used = set(pairs.values())
        left = [id for id in left if id not in used]
    wanted = [id for id in left if id in keep]
    for row, id in pairs.items():
        if wanted and id not in keep:
            pairs[row] = wanted.pop(0)
    return pairs


def _names(sample: Kept) -> Iterator[str]:
    """Ids that a new sample may have: its name, else that and what it holds."""
    yield sample.name
    for number in count(1):
        more = f"-{number}" if number > 1 else ""
        yield f"{sample.name}#{sample.content[:8]}{more}"
