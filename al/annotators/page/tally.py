"""How samples stand; each is looked at anew only once something was said of it.

The page is told at each answer how many are open and how far people agree, so that takes no
longer for ten thousand answers than is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from al.annotators.keys import Key
from al.annotators.page.log import Entry
from al.annotators.page.turns import Rule, Said, votes_of
from al.annotators.votes import Standing, agreement

_NOTHING: Mapping[str, Entry] = {}


@dataclass(frozen=True)
class Stand:
    """How a sample stands.

    Attributes:
        disputed: it waits for the reviewer alone.
        same, pairs: how many pairs of its answers agree, of how many.
    """

    standing: Standing
    disputed: bool
    same: int
    pairs: int

    @property
    def open(self) -> bool:
        """Whether answers are waited for."""
        return self.standing == "waiting"


class Tally:
    """How samples stand by a rule."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._known: dict[Key, tuple[Mapping[str, Entry], Stand]] = {}

    def of(self, key: Key, said: Said) -> Stand:
        """How a sample stands by what people said."""
        entries = said.get(key, _NOTHING)
        known = self._known.get(key)
        if known is None or known[0] is not entries:  # the log makes another one of what changes
            same, pairs = agreement([votes_of(entries)])
            stand = Stand(self._rule.standing(entries), self._rule.disputed(entries), same, pairs)
            known = self._known[key] = entries, stand
        return known[1]

    def agreement(self, keys: Iterable[Key], said: Said) -> float | None:
        """The share of pairs of answers to the same sample that agree; None without any."""
        stands = [self.of(key, said) for key in keys]
        pairs = sum(stand.pairs for stand in stands)
        return round(sum(stand.same for stand in stands) / pairs, 3) if pairs else None
