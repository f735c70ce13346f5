"""Classes that come in the middle of a campaign: whether they are taken, and from when on.

An answer that names a class that the task does not know is not collected in its cycle: its
sample is waited for, and the next cycle begins with the longer list, under which the answer
comes back like any late one. A label in a user's own data that names one counts as none until
the next cycle begins, which knows it. So a cycle has one list of classes from its beginning to
its end. A version that does not know all of them asks nothing and wins no election; classes are
only ever added behind the others, so how many a version knows says which.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from al.contracts import Answer, Answers, DataLoader
from al.errors import LabelError, did_you_mean
from al.kinds import kind_of
from al.state import State, read_as
from al.tracking import Run

_log = logging.getLogger(__name__)

ASK, GROW = "ask", "grow"
#: Tag of a cycle's run: classes that the data names, known from that cycle on.
IN_DATA = "al.classes_in_data"
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
    what = f"{first.annotator} on sample {first.id!r}: {name!r} is not a class of this task"
    if classes == ASK:
        raise LabelError(
            f"{what} ({did_you_mean(name, data.spec.classes)}): correct the answer, or pass "
            "new_classes=grow to add it from the next cycle on; new_classes=refuse stops asking"
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


def tags_of_classes(known: Sequence[str], state: State) -> dict[str, str]:
    """The tag of a cycle's run that keeps which classes came from the data as it began."""
    new = [name for name in known if name not in {*state.classes, *state.new_classes}]
    return {IN_DATA: json.dumps(new)} if new else {}


def named_in_data(run: Run) -> tuple[str, ...]:
    """Classes that came from the data as the cycle of a run began."""
    text = run.tags.get(IN_DATA, "[]")
    return tuple(read_as(list[str], text, f"tag {IN_DATA} of {run.name!r}"))


def tell_in_data(found: Mapping[str, int], data: DataLoader, cycle: int) -> None:
    """Say which classes of the data are new, and which of them may be a slip of the pen."""
    for name, count in found.items():
        _log.warning(
            f"cycle {cycle:2d}: {count} labels in the data name a new class, {name!r}, which is "
            f"known from now on{_slip(name, data, 'label')}"
        )


def _slip(name: str, data: DataLoader, what: str) -> str:
    """What to do where a class that there is was meant."""
    near = did_you_mean(name, data.spec.classes)
    return f"; {near} then correct the {what}" if near.startswith("did") else ""


def tell_new(found: Mapping[str, Sequence[Answer]], data: DataLoader, cycle: int) -> None:
    """Say which classes are new, and which of them may be a slip of the pen."""
    for name, answers in found.items():
        _log.warning(
            f"cycle {cycle:2d}: {len(answers)} answers name a new class, {name!r}: the next cycle "
            f"knows it, and they count from there on{_slip(name, data, 'answer')}"
        )
