"""Whose turn it is: each person is served other samples, as many people a sample as are wanted.

A tab of a browser holds the sample that it shows. It gives it back when it answers, when it is
closed, and when nothing was heard of it for a while. What is held is known to this process alone:
after a restart every tab says what it shows, and who answers what somebody else was given
meanwhile is heard all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from al.annotators.keys import Key
from al.annotators.page.log import Entry
from al.annotators.votes import Standing, disagree, standing
from al.contracts import Answer

#: Seconds after which a tab that gave no sign of life has given its sample back.
SILENCE = 120.0
#: Most tabs of one person that hold a sample.
TABS = 8
#: The answers about each sample, by person.
Given = Mapping[Key, Mapping[str, Entry]]


@dataclass(frozen=True)
class Rule:
    """How many answers a sample gets, and what becomes of them.

    Attributes:
        overlap: how many people answer each sample.
        reviewer: whose answer counts where the others disagree; "" for nobody.
    """

    overlap: int = 1
    reviewer: str = ""

    @property
    def votes(self) -> str:
        """The rule as `al.annotators.votes` knows it."""
        if self.overlap == 1:
            return "first"
        return f"disputes:{self.reviewer}" if self.reviewer else "majority"

    def standing(self, entries: Mapping[str, Entry]) -> Standing:
        """The state of a sample by its answers."""
        votes = votes_of(entries)
        found = standing(votes, self.votes, self.overlap, len(entries) - len(votes))
        gave_up = self.reviewer in entries and entries[self.reviewer].skipped
        return "skipped" if found == "waiting" and gave_up and disagree(votes) else found

    def disputed(self, entries: Mapping[str, Entry]) -> bool:
        """Whether it waits for the reviewer alone."""
        return len(entries) >= self.overlap and self.standing(entries) == "waiting"


def votes_of(entries: Mapping[str, Entry]) -> list[Answer]:
    """The labels among the answers, in the order they came."""
    return [
        Answer(entry.key[0], entry.label, entry.annotator, entry.at, entry.seconds, entry.shown)
        for entry in entries.values()
        if not entry.skipped
    ]


@dataclass
class _Held:
    key: Key
    heard: float  # when the tab last gave a sign of life


class Turns:
    """What each tab is shown.

    Args:
        clock: seconds that only go up.
    """

    def __init__(self, rule: Rule, clock: Callable[[], float] = time.monotonic) -> None:
        self.rule, self._clock = rule, clock
        self._held: dict[tuple[str, str], _Held] = {}  # by person and tab

    def next(
        self, name: str, tab: str, order: Sequence[Key], given: Given, showing: Key | None = None
    ) -> list[Key]:
        """What this tab may answer, in the order of asking; it holds the first of them now.

        A reviewer gets what people disagree on after everything else.

        Args:
            order: what is asked and can be shown.
            showing: what the tab shows; it keeps that as long as nobody else holds it.
        """
        self._forget()
        before = self._held.pop((name, tab), None)
        mine = showing if before is None else before.key
        holders: dict[Key, set[str]] = {}
        for (other, _), held in self._held.items():
            holders.setdefault(held.key, set()).add(other)
        ordinary, disputed = list[Key](), list[Key]()
        for key in order:
            entries, there = given.get(key), holders.get(key)
            if entries is None and there is None:  # most of a large pool
                ordinary.append(key)
                continue
            entries, there = entries or {}, there or set()
            if name in entries or name in there:
                continue
            if len({*entries, *there}) < self.rule.overlap:
                ordinary.append(key)
            elif name == self.rule.reviewer and self.rule.disputed(entries):
                disputed.append(key)
        found = ordinary + disputed
        if mine in found:
            found.remove(mine)
            found.insert(0, mine)
        if found:
            self.hold(name, tab, found[0])
        return found

    def hold(self, name: str, tab: str, key: Key) -> None:
        """What this tab shows now, or next where it was taken back."""
        self._held[name, tab] = _Held(key, self._clock())
        mine = [one for one in self._held if one[0] == name]
        for one in sorted(mine, key=lambda one: self._held[one].heard)[:-TABS]:
            del self._held[one]

    def leave(self, name: str, tab: str) -> None:
        """The tab is closed."""
        self._held.pop((name, tab), None)

    def _forget(self) -> None:
        now = self._clock()
        self._held = {one: h for one, h in self._held.items() if now - h.heard < SILENCE}
