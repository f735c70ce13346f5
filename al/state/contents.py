"""What each sample holds, by id, and which samples hold the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property


class Contents(Mapping[str, str]):
    """Identity of what each sample holds, by id; made once for as long as the data stays.

    Args:
        ids: distinct.
        marks: identity of what each holds, in their order.
    """

    def __init__(self, ids: Sequence[str], marks: Sequence[str]) -> None:
        self.ids, self.marks = ids, marks

    @classmethod
    def of(cls, contents: Mapping[str, str]) -> Contents:
        """The same, with what can be asked of it."""
        if isinstance(contents, Contents):
            return contents
        return cls(list(contents), list(contents.values()))

    def __getitem__(self, id: str) -> str:
        return self._mark[id]

    def __contains__(self, id: object) -> bool:
        return id in self._mark

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _mark(self) -> Mapping[str, str]:
        return dict(zip(self.ids, self.marks, strict=True))

    @cached_property
    def distinct(self) -> int:
        """How many contents there are."""
        return len(set(self.marks))

    @cached_property
    def shared(self) -> Mapping[str, Sequence[str]]:
        """Ids of each content that several samples hold, in their order."""
        if self.distinct == len(self.marks):
            return {}
        several = {mark for mark, count in Counter(self.marks).items() if count > 1}
        found: dict[str, list[str]] = {}
        for id, mark in zip(self.ids, self.marks, strict=True):
            if mark in several:
                found.setdefault(mark, []).append(id)
        return found
