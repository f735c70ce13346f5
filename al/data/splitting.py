"""Splits drawn once: seeded, even in classes, copies of a sample on one side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def groups_of(rows: Sequence[int], contents: Sequence[str]) -> list[list[int]]:
    """Rows that hold the same content, together; in order of their first row."""
    groups: dict[str, list[int]] = {}
    for row in rows:
        groups.setdefault(contents[row], []).append(row)
    return list(groups.values())


def draw(
    groups: Sequence[Sequence[int]],
    classes: Sequence[Hashable],
    size: int,
    rng: np.random.Generator,
) -> list[int]:
    """Rows of some groups, `size` in all or as near below it as groups allow, ascending.

    Each class gives in proportion to its groups (largest remainders), and keeps one of them:
    a class with one sample has it where training can see it.

    Args:
        groups: rows that have to stay together.
        classes: of each group; all alike to draw uniformly.
        rng: the draw depends on it and on the order of the groups.
    """
    order = rng.permutation(len(groups))
    of_class: dict[Hashable, list[int]] = {}
    for number in order.tolist():
        of_class.setdefault(classes[number], []).append(number)
    names = sorted(of_class, key=str)
    spare = {name: of_class[name][1:] for name in names}  # the first one stays
    counts = np.array([len(of_class[name]) for name in names], dtype=np.float64)
    shares = size * counts / max(counts.sum(), 1.0)
    quotas = np.floor(shares).astype(int)
    for place in np.argsort(-(shares - quotas), kind="stable")[: size - int(quotas.sum())]:
        quotas[place] += 1
    chosen: list[int] = []
    left_over: list[int] = []
    for name, quota in zip(names, quotas.tolist(), strict=True):
        for number in spare[name]:
            if len(groups[number]) <= quota:
                chosen.append(number)
                quota -= len(groups[number])
            else:
                left_over.append(number)
    missing = size - sum(len(groups[number]) for number in chosen)
    place_of = {number: place for place, number in enumerate(order.tolist())}
    for number in sorted(left_over, key=place_of.__getitem__):
        if len(groups[number]) <= missing:
            chosen.append(number)
            missing -= len(groups[number])
    return sorted(row for number in chosen for row in groups[number])
