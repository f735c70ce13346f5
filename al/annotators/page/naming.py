"""Classes that people name while they answer, where the task may grow by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from al.annotators.page.people import plain, printable
from al.annotators.spreadsheets import same
from al.contracts import DataSpec, Label
from al.errors import LabelError
from al.kinds import kind_of

#: Most letters of a class's name.
LETTERS = 80


def with_named(spec: DataSpec, labels: Iterable[Label]) -> tuple[str, ...]:
    """The task's classes, and behind them those that labels name besides, in their order."""
    unknown = kind_of(spec).unknown
    return tuple(dict.fromkeys([*spec.classes, *(n for label in labels for n in unknown(label))]))


def named(label: Label, spec: DataSpec, known: Sequence[str]) -> Label:
    """A label that may name classes beside the known ones.

    Raises:
        LabelError: it is not a label, whatever classes there are.
    """
    kind = kind_of(spec)
    if kind.form == "choice" or (kind.form == "choices" and isinstance(label, list)):
        label = kind.renamed(label, lambda name: _name(name, known))
    kind_of(replace(spec, classes=with_named(spec, [label]))).check(label)
    return label


def _name(name: object, known: Sequence[str]) -> str:
    """The class that is meant: one that there is, whatever its capitals, or a new one."""
    clean = plain(name)
    if not 0 < len(clean) <= LETTERS or not printable(clean):
        raise LabelError(
            f"{repr(name)[:99]} is not a class: give a name of up to {LETTERS} letters"
        )
    return same(clean, known) or clean
