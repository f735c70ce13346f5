"""One label out of the answers of several people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from al.contracts import Answer, Label
from al.errors import ConfigError, did_you_mean
from al.kinds import Kind


def check_rule(rule: str) -> None:
    """Refuse what is no rule.

    Raises:
        ConfigError: says so.
    """
    if rule in ("majority", "first") or (rule.startswith("reviewer:") and rule[9:].strip()):
        return
    raise ConfigError(
        f"rule={rule!r}: {did_you_mean(rule, ('majority', 'first', 'reviewer:NAME'))}"
    )


def decided(votes: Sequence[Answer], rule: str, people: int, skips: int) -> bool:
    """Whether there are answers enough for the rule.

    Args:
        people: how many shall answer each sample.
        skips: how many more have skipped it.
    """
    if rule.startswith("reviewer:"):
        return any(vote.annotator == rule[9:].strip() for vote in votes)
    return len(votes) + skips >= people


def label_of(votes: Sequence[Answer], rule: str, kind: Kind) -> Answer:
    """The answer to train on; a tie goes to who answered first.

    What a majority is, the kind of problem says: the commonest class or set of labels; of masks,
    that of each pixel; of numbers, the median; of boxes, the answer that agrees most with others.

    Args:
        votes: one a person, in the order they were given.
    """
    if rule.startswith("reviewer:"):
        return next(vote for vote in votes if vote.annotator == rule[9:].strip())
    if rule == "first" or len(votes) == 1:
        return votes[0]
    label = kind.majority([vote.label for vote in votes])
    theirs = [vote for vote in votes if _key(vote.label) == _key(label)] or list(votes)
    seconds = [vote.seconds for vote in votes if vote.seconds is not None]
    return replace(
        theirs[0],
        label=label,
        annotator=", ".join(vote.annotator for vote in theirs),
        answered_at=max(vote.answered_at for vote in votes),
        seconds=sum(seconds) if seconds else None,  # what the label cost
    )


def disagree(votes: Sequence[Answer]) -> bool:
    """Whether not all say the same."""
    return len({_key(vote.label) for vote in votes}) > 1


def _key(label: Label) -> str:
    return json.dumps(label, sort_keys=True)
