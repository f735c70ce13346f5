"""A user's own samples as they were seen, by column: what was seen before is held against it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple


class Kept(NamedTuple):
    """A sample of a user's own data as it was seen.

    Attributes:
        content: identity of what it holds.
        label: None where it has none.
        name: what the data calls it: another one once it was moved or renamed.
    """

    content: str
    label: Any | None
    name: str


class Seen(Mapping[str, Kept]):
    """All samples by id, kept as columns: there may be millions of them.

    Args:
        ids: distinct; the others have a row each.
    """

    def __init__(
        self,
        ids: Sequence[str],
        contents: Sequence[str],
        labels: Sequence[Any | None],
        names: Sequence[str],
    ) -> None:
        self.ids, self.contents = _listed(ids), _listed(contents)
        self.labels, self.names = _listed(labels), _listed(names)

    @classmethod
    def of(cls, seen: Mapping[str, Kept]) -> Seen:
        """The same by column."""
        if isinstance(seen, Seen):
            return seen
        contents, labels, names = zip(*seen.values(), strict=True) if seen else ((), (), ())
        return cls(list(seen), contents, labels, names)

    def __getitem__(self, id: str) -> Kept:
        row = self._row[id]
        return Kept(self.contents[row], self.labels[row], self.names[row])

    def __contains__(self, id: object) -> bool:
        return id in self._row

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _row(self) -> Mapping[str, int]:
        return {id: row for row, id in enumerate(self.ids)}

    def otherwise(self, other: Seen) -> list[str]:
        """Ids, in their order, that the other lacks or whose sample is otherwise there.

        Labels are the same where JSON writes them alike.
        """
        if self is other:
            return []
        if self.ids != other.ids:
            return [id for id in self.ids if id not in other or not _same(self[id], other[id])]
        rows: set[int] = set()
        for mine, theirs in ((self.contents, other.contents), (self.names, other.names)):
            if mine != theirs:
                pairs = enumerate(zip(mine, theirs, strict=True))
                rows.update(row for row, (here, there) in pairs if here != there)
        if not _all_alike(self.labels, other.labels):
            pairs = enumerate(zip(self.labels, other.labels, strict=True))
            rows.update(row for row, (here, there) in pairs if not _alike(here, there))
        return [self.ids[row] for row in sorted(rows)]


def _listed(column: Sequence[Any]) -> list[Any]:
    return column if isinstance(column, list) else list(column)


def _same(one: Kept, two: Kept) -> bool:
    return one.content == two.content and one.name == two.name and _alike(one.label, two.label)


def _all_alike(labels: list[Any], others: list[Any]) -> bool:
    """Whether all are surely the same: texts, or none, as they nearly always are."""
    if labels is others:
        return True
    simple = {str, type(None)}
    return simple.issuperset(map(type, labels)) and labels == others


def _alike(label: Any, other: Any) -> bool:
    """Whether JSON writes two labels alike."""
    if label is other or (type(label) is str and type(other) is str):
        return bool(label == other)
    return json.dumps(label, sort_keys=True) == json.dumps(other, sort_keys=True)
