"""The pool that labels leave, derived once for as long as nothing that it follows from changes."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from operator import is_
from typing import Any

#: Labelled sets whose pool is kept: that before a cycle's answers, and that with them.
KEPT = 2


def unasked(
    ids: Sequence[str], asked: Container[str], known: Container[str] | None
) -> tuple[str, ...]:
    """The ids that were not asked about, in their order.

    Args:
        known: ids that can be answered; None for all.
    """
    if known is None:
        return tuple([id for id in ids if id not in asked])
    return tuple([id for id in ids if id not in asked and id in known])


class Pools:
    """The latest pools, by what they follow from: objects that never change."""

    def __init__(self) -> None:
        self._kept: list[tuple[tuple[Any, ...], tuple[str, ...]]] = []

    def of(
        self, made_of: tuple[Any, ...], derive: Callable[[], tuple[str, ...]]
    ) -> tuple[str, ...]:
        """The pool that follows from these very objects."""
        for known, pool in self._kept:
            if len(known) == len(made_of) and all(map(is_, known, made_of)):
                return pool
        pool = derive()
        self._kept = [(made_of, pool), *self._kept[: KEPT - 1]]
        return pool
