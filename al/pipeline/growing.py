"""Classes that come in the middle of a campaign: whether they are taken, and from when on.

An answer that names a class that the task does not know is not collected in its cycle: its
sample is waited for, and the next cycle begins with the longer list, under which the answer
comes back like any late one. So a cycle has one list of classes from its beginning to its end.
A version that does not know all of them asks nothing and wins no election; classes are only
ever added behind the others, so how many a version knows says which.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from al.contracts import Answer, Answers, DataLoader
from al.errors import LabelError, did_you_mean
from al.kinds import kind_of

_log = logging.getLogger(__name__)

ASK, GROW = "ask", "grow"
#: Tag of a version: how many classes it knows.
KNOWS = "al.classes"


def new_in(answers: Iterable[Answer], data: DataLoader) -> dict[str, list[Answer]]:
    """Answers by the classes that they name and the task does not know, in the order of answers."""
    found: dict[str, list[Answer]] = {}
    kind = kind_of(data.spec)
    for answer in answers:
        for name in kind.unknown(answer.label):
            found.setdefault(name, []).append(answer)
    return found


def check_new(found: Mapping[str, Sequence[Answer]], classes: str, data: DataLoader) -> None:
    """Refuse answers with new classes, where these are not to be taken.

    Args:
        classes: whether they are, as the parameter of this name says.

    Raises:
        LabelError: says which there are, and how to have them or not.
    """
    if not found or classes == GROW:
        return
    name, answers = next(iter(found.items()))
    first = answers[0]
    what = f"{first.annotator} on sample {first.id!r}: {name!r} is no class of this task"
    if classes == ASK:
        raise LabelError(
            f"{what} ({did_you_mean(name, data.spec.classes)}): correct the answer, or pass "
            "new_classes=grow to add it from the next cycle on; new_classes=refuse asks no more"
        )
    raise LabelError(f"{what}: {did_you_mean(name, data.spec.classes)}")


def without_new(answers: Answers, found: Mapping[str, Sequence[Answer]]) -> Answers:
    """The answers, less those that name new classes: these samples are waited for."""
    ids = {answer.id for given in found.values() for answer in given}
    if not ids:
        return answers
    kept = tuple(answer for answer in answers.answered if answer.id not in ids)
    votes = tuple(vote for vote in answers.votes if vote.id not in ids)
    return replace(answers, answered=kept, votes=votes, waiting=(*answers.waiting, *sorted(ids)))


def tell_new(found: Mapping[str, Sequence[Answer]], data: DataLoader, cycle: int) -> None:
    """Say which classes are new, and which of them may be a slip of the pen."""
    for name, answers in found.items():
        near = did_you_mean(name, data.spec.classes)
        slip = f"; {near} then correct the answer" if near.startswith("did") else ""
        _log.warning(
            f"cycle {cycle:2d}: {len(answers)} answers name a new class, {name!r}: the next cycle "
            f"knows it, and they count from there on{slip}"
        )
