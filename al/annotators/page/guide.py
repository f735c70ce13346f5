"""What helps to answer: instructions, examples of each class, what numbers look like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from al.annotators.page.item import Items
from al.annotators.page.turns import Rule
from al.contracts import Label
from al.kinds import kind_of

#: Examples of each class.
EACH = 3
#: Most of all.
MOST = 120
#: Numbers that are enough to say what others look like.
ENOUGH = 10


class Guide:
    """Instructions and examples; nothing of it says what a model believes, or what somebody said
    of a sample that others are still to answer by themselves."""

    def __init__(self, items: Items, rule: Rule) -> None:
        self.items, self.data, self.log, self.rule = items, items.data, items.log, rule
        self.kind = kind_of(self.data.spec)

    def shown(self) -> dict[str, Any]:
        """The instructions as Markdown, and examples by class."""
        return {"text": self.items.look.guide(), "examples": self.examples()}

    def examples(self) -> list[dict[str, Any]]:
        """Samples of each class, from labels that the data brings along and from answers."""
        if not self.kind.ranked:
            return []
        found: dict[str, list[str]] = defaultdict(list)
        still_open = self._open()
        for id, label in self._labelled():
            if id in still_open:
                continue
            names = self.kind.names(label)
            for name in names if len(names) == 1 else ():  # of several none is typical
                if len(found[name]) < EACH and id not in found[name]:
                    found[name].append(id)
        listed = list[dict[str, Any]]()
        for name in self.data.spec.classes:
            ids = [id for id in found.get(name, ()) if not self.data.missing([id])]
            if ids and len(listed) * EACH < MOST:
                listed.append({"class": name, "samples": [self._example(id) for id in ids]})
        return listed

    def numbers(self) -> list[float] | None:
        """The lowest and highest number that is known, and how many are; None for too few."""
        if self.kind.form != "value":
            return None
        known = [float(label) for _, label in self._labelled()]
        return [min(known), max(known), len(known)] if len(known) >= ENOUGH else None

    def is_example(self, id: str) -> bool:
        """Whether a sample is one whose label is known to the page."""
        return any(id == known for known, _ in self._labelled())

    def _open(self) -> frozenset[str]:
        """Samples of which answers are waited for, second opinions too."""
        given = self.log.answers()
        keys = (key for query in self.log.queries() for key in query)
        return frozenset(k[0] for k in keys if self.rule.standing(given.get(k, {})) == "waiting")

    def _labelled(self) -> Iterator[tuple[str, Label]]:
        """Samples with a label: those of answers that stand, then those of the data."""
        for key, given in self.log.answers().items():
            labels = [entry.label for entry in given.values() if not entry.skipped]
            if labels and all(label == labels[0] for label in labels):
                yield key[0], labels[0]
        yield from self._given.items()

    @cached_property
    def _given(self) -> Mapping[str, Label]:
        return self.data.given() or {}

    def _example(self, id: str) -> dict[str, Any]:
        return self.items.content(id, f"example/{self._ids().index(id)}")

    def _ids(self) -> tuple[str, ...]:
        return self.data.ids("train")

    def image_of(self, number: int) -> str | None:
        """The sample of an example's image, by its number; None if there is no such example."""
        ids = self._ids()
        id = ids[number] if 0 <= number < len(ids) else None
        return id if id is not None and self.is_example(id) else None
