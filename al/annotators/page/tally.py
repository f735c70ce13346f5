"""The state of each sample, computed again only when its answers changed.

The page is told at each answer how many are open and how far people agree, so that takes hardly
longer for ten thousand answers than for ten.
"""

from __future__ import annotations

from al.annotators.keys import Key
from al.annotators.page.turns import Given, Rule, votes_of
from al.annotators.votes import agreement


class Tally:
    """How samples stand by a rule.

    Attributes:
        closed: those that are answered or skipped.
        skipped: those of them that have no label.
        disputed: those that wait for the reviewer alone.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._given: Given = {}
        self._pairs: dict[Key, tuple[int, int]] = {}  # of answers: that agree, of how many
        self._same = self._of = 0
        self.closed, self.skipped, self.disputed = set[Key](), set[Key](), set[Key]()

    def hear(self, given: Given) -> None:
        """Look at what people say by now."""
        before, self._given = self._given, given
        # The entries of a sample are a new object whenever they change.
        changed = [key for key, entries in given.items() if before.get(key) is not entries]
        for key in (*changed, *(before.keys() - given.keys())):
            self._look(key)

    def _look(self, key: Key) -> None:
        entries = self._given.get(key, {})
        standing = self._rule.standing(entries)
        for there, found in (
            (self.closed, standing != "waiting"),
            (self.skipped, standing == "skipped"),
            (self.disputed, self._rule.disputed(entries)),
        ):
            (there.add if found else there.discard)(key)
        same, of = self._pairs.get(key, (0, 0))
        self._pairs[key] = now = agreement([votes_of(entries)])
        self._same, self._of = self._same + now[0] - same, self._of + now[1] - of

    @property
    def agreement(self) -> float | None:
        """The share of pairs of answers to the same sample that agree; None without any."""
        return round(self._same / self._of, 3) if self._of else None
