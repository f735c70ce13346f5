"""One label out of the answers of several people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from al.contracts import Answer, DataSpec, Label
from al.errors import ConfigError, did_you_mean
from al.masks import decode_mask, encode_mask

#: Boxes that share so much of their union are of the same thing.
_SAME = 0.5


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


def label_of(votes: Sequence[Answer], rule: str, spec: DataSpec) -> Answer:
    """The answer to train on; a tie goes to who answered first.

    A majority is the commonest class or set of labels; of masks, that of each pixel; of
    numbers, the median; of boxes, the answer that agrees most with the others.

    Args:
        votes: one a person, in the order they were given.
    """
    if rule.startswith("reviewer:"):
        return next(vote for vote in votes if vote.annotator == rule[9:].strip())
    if rule == "first" or len(votes) == 1:
        return votes[0]
    label = _majority([vote.label for vote in votes], spec)
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


def _majority(labels: Sequence[Label], spec: DataSpec) -> Label:
    if spec.kind == "number":
        return float(np.median(labels))
    if spec.kind == "mask":
        masks = np.stack([decode_mask(label, len(spec.classes)) for label in labels])
        counts = np.stack([(masks == place).sum(axis=0) for place in range(len(spec.classes))])
        first = np.take_along_axis(counts, masks[:1].astype(int), axis=0)[0]
        return encode_mask(np.where(first == counts.max(axis=0), masks[0], counts.argmax(axis=0)))
    if spec.kind == "boxes":
        alike = [
            sum(_agreement(mine, other) for place, other in enumerate(labels) if place != number)
            for number, mine in enumerate(labels)
        ]
        return labels[int(np.argmax(alike))]
    votes = Counter(_key(label) for label in labels)  # in the order of the first of each
    return json.loads(votes.most_common(1)[0][0])


def _agreement(one: Sequence[dict[str, Any]], two: Sequence[dict[str, Any]]) -> float:
    """Share of boxes that find another of their label in the other answer, 0 to 1."""
    left, found = list(two), 0
    for entry in one:
        near = max(
            (other for other in left if other["label"] == entry["label"]),
            key=lambda other: _overlap(entry["box"], other["box"]),
            default=None,
        )
        if near is not None and _overlap(entry["box"], near["box"]) >= _SAME:
            left.remove(near)
            found += 1
    return 2 * found / (len(one) + len(two)) if one or two else 1.0


def _overlap(one: Sequence[float], two: Sequence[float]) -> float:
    """Intersection over union."""
    sides = [
        max(0.0, min(one[i] + one[i + 2], two[i] + two[i + 2]) - max(one[i], two[i]))
        for i in (0, 1)
    ]
    both = sides[0] * sides[1]
    union = one[2] * one[3] + two[2] * two[3] - both
    return both / union if union else 0.0
