"""One label out of the answers of several people, and how far they agree.

| rule | the label | is there once |
|---|---|---|
| `majority` | what most say; the earliest answer in a tie | enough people answered or skipped it |
| `first` | the earliest answer | enough people answered or skipped it |
| `reviewer:NAME` | what this person says | this person answered |
| `disputes:NAME` | what this person says, else what most say | enough people answered or \
skipped it and agree, or this person answered |
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from al.contracts import Answer, Label
from al.errors import ConfigError, did_you_mean
from al.kinds import Kind

Standing = Literal["answered", "skipped", "waiting"]


def check_rule(rule: str) -> None:
    """Refuse an unknown rule.

    Raises:
        ConfigError: says so.
    """
    kind, _, name = rule.partition(":")
    if rule in ("majority", "first") or (kind in ("reviewer", "disputes") and name.strip()):
        return
    known = ("majority", "first", "reviewer:NAME", "disputes:NAME")
    raise ConfigError(f"rule={rule!r}: {did_you_mean(rule, known)}")


def standing(votes: Sequence[Answer], rule: str, people: int, skips: int) -> Standing:
    """What has become of a sample by now.

    Args:
        people: how many shall answer each sample.
        skips: how many more have skipped it.
    """
    kind, _, name = rule.partition(":")
    enough = len(votes) + skips >= people
    disputed = kind == "disputes" and disagree(votes)
    if kind in ("reviewer", "disputes") and _of(name, votes) is not None:
        return "answered"
    if votes and enough and kind != "reviewer":
        return "waiting" if disputed else "answered"
    return "skipped" if skips and enough else "waiting"


def label_of(votes: Sequence[Answer], rule: str, kind: Kind) -> Answer:
    """The answer to train on; a tie goes to who answered first.

    What a majority is, the kind of problem says: the commonest class or set of labels; of masks,
    that of each pixel; of numbers, the median; of boxes, the answer that agrees most with others.

    Args:
        votes: one a person, in the order they were given.
    """
    kind_of_rule, _, name = rule.partition(":")
    if kind_of_rule in ("reviewer", "disputes") and (theirs := _of(name, votes)) is not None:
        return theirs
    if rule == "first" or len(votes) == 1:
        return votes[0]
    label = kind.majority([vote.label for vote in votes])
    same = [vote for vote in votes if _key(vote.label) == _key(label)] or list(votes)
    seconds = [vote.seconds for vote in votes if vote.seconds is not None]
    return replace(
        same[0],
        label=label,
        annotator=", ".join(vote.annotator for vote in same),
        answered_at=max(vote.answered_at for vote in votes),
        seconds=sum(seconds) if seconds else None,  # what the label cost
    )


def disagree(votes: Sequence[Answer]) -> bool:
    """Whether not all say the same."""
    return len({_key(vote.label) for vote in votes}) > 1


def agreement(votes: Iterable[Sequence[Answer]]) -> tuple[int, int]:
    """Of how many pairs of answers to the same sample both say the same: so many, of how many.

    Args:
        votes: for each sample its answers, one a person.
    """
    same = of = 0
    for answers in votes:
        if len(answers) > 1:
            times = Counter(_key(answer.label) for answer in answers)
            same += sum(n * (n - 1) // 2 for n in times.values())
            of += len(answers) * (len(answers) - 1) // 2
    return same, of


def _of(name: str, votes: Sequence[Answer]) -> Answer | None:
    return next((vote for vote in votes if vote.annotator == name.strip()), None)


def _key(label: Label) -> str:
    return json.dumps(label, sort_keys=True)
