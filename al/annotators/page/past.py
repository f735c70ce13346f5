"""Earlier answers: a person's own to go back to, and a review of them at the end."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from al.annotators.keys import Key
from al.annotators.page.item import Items
from al.annotators.page.log import Entry
from al.annotators.page.turns import Rule
from al.contracts import Label
from al.kinds import kind_of

#: Answers that are listed.
LISTED = 60
#: An answer that took less than this share of the person's median, or less than so many seconds,
#: was quick.
QUICK, QUICKEST = 0.25, 0.7
#: A class on which fewer pairs of people agree is listed, where there are so many pairs.
LOW, PAIRS = 0.8, 3
#: From this confidence on an answer that is another than the guess that was shown is listed.
SURE = 0.9


class Past:
    """The answers given on the page."""

    def __init__(self, items: Items, rule: Rule) -> None:
        self.items, self.log, self.rule = items, items.log, rule
        self.kind = kind_of(items.data.spec)

    def history(self, name: str) -> list[dict[str, Any]]:
        """The person's last answers, the latest first."""
        own = [given[name] for given in self.log.answers().values() if name in given]
        own.sort(key=lambda entry: entry.line, reverse=True)
        places = self._places()
        return [self._listed(entry, places[entry.key], []) for entry in own[:LISTED]]

    def given(self, key: Key, name: str) -> dict[str, Any] | None:
        """The person's answer about a sample; None if there is none."""
        entry = self.log.answers().get(key, {}).get(name)
        if entry is None:
            return None
        label = None if entry.skipped else self._form(entry)
        return {"skipped": entry.skipped, "label": label, "words": self._words(entry)}

    def undoing(self, entry: Entry) -> dict[str, Any]:
        """What the page sends to take an answer back, and `leaves`, what counts again then."""
        before = entry.before
        leaves = None if before is None else self._words(before)
        return {"place": self._places()[entry.key], "line": entry.line, "leaves": leaves}

    def review(self, name: str) -> dict[str, Any]:
        """What of the person's answers deserves a second look, and why.

        * others answered differently (not for second opinions, which are to be independent);
        * it was answered much more quickly than the rest;
        * the model, whose guess was shown, is sure of something else;
        * somebody flagged it.
        """
        answers, notes, places = self.log.answers(), self.log.notes(), self._places()
        suggested = self.log.suggestions()
        own = {key: given[name] for key, given in answers.items() if name in given}
        took = [e.seconds for e in own.values() if e.seconds is not None and not e.skipped]
        quick = min(QUICKEST, QUICK * statistics.median(took)) if len(took) >= 5 else 0.0
        listed = []
        for key, entry in own.items():
            others = [e for who, e in answers[key].items() if who != name and not e.skipped]
            if self.rule.standing(answers[key]) == "waiting" and name != self.rule.reviewer:
                others = []  # what people say is to be independent
            reasons = [
                f"{e.annotator} said {self._words(e)}"
                for e in others
                if not entry.skipped and e.label != entry.label
            ]
            if entry.seconds is not None and not entry.skipped and entry.seconds < quick:
                reasons.append(f"answered in {entry.seconds:.1f} s")
            if entry.shown and key in suggested and not entry.skipped:
                guess = suggested[key]
                sure = self.kind.ranked and (guess.confidence or 0) >= SURE
                if sure and guess.label != entry.label:
                    belief = self.kind.brief(guess.label)
                    reasons.append(f"the model is {guess.confidence:.0%} sure of {belief}")
            reasons += [
                f"flagged{f': {note.text}' if note.text else ''}"
                for note in notes.get(key, {}).values()
                if note.flag
            ]
            if reasons:
                listed.append(self._listed(entry, places[key], reasons))
        return {"listed": listed[:LISTED], "more": max(0, len(listed) - LISTED),
                "classes": self._low(answers)}  # fmt: skip

    def votes(self, entries: Iterable[Entry]) -> list[list[str]]:
        """Each person's answer about a sample."""
        return [[entry.annotator, self._words(entry)] for entry in entries]

    def _low(self, answers: Mapping[Key, Mapping[str, Entry]]) -> list[list[Any]]:
        """Classes on which people agree least: name, share of pairs that agree, pairs."""
        if not self.kind.ranked:
            return []
        pairs: dict[str, list[bool]] = defaultdict(list)
        for given in answers.values():
            labels = [set(self.kind.names(e.label)) for e in given.values() if not e.skipped]
            for one, two in itertools.combinations(labels, 2):
                for name in one | two:
                    pairs[name].append(name in one and name in two)
        shares = [(name, sum(same) / len(same), len(same)) for name, same in pairs.items()]
        low = [list(one) for one in shares if one[1] < LOW and one[2] >= PAIRS]
        return sorted(low, key=lambda one: (one[1], one[0]))

    def _listed(self, entry: Entry, place: int, why: list[str]) -> dict[str, Any]:
        note = self.log.notes().get(entry.key, {}).get(entry.annotator)
        return {
            "place": place, "words": self._words(entry), "skipped": entry.skipped,
            "seconds": entry.seconds, "why": why, "flag": bool(note and note.flag),
            **self.items.brief(entry.key, place, entry.annotator),
        }  # fmt: skip

    def _words(self, entry: Entry) -> str:
        if entry.skipped:
            return "skipped"
        return self._brief(entry.label)

    def _brief(self, label: Label) -> str:
        try:
            return self.kind.brief(label)
        except (KeyError, TypeError, ValueError):
            return str(label)[:60]

    def _form(self, entry: Entry) -> Any:
        return self.kind.to_form(entry.label)

    def _places(self) -> Mapping[Key, int]:
        return self.log.places()
