"""The classes that a user's own data names, and what is odd about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from al.contracts import DataSpec, Label
from al.data.columns import MISSING
from al.errors import DataError, did_you_mean

#: More classes than this are taken for a mistake, and so are more than half as many as labels.
MOST_CLASSES, FEW_CLASSES = 1000, 20
#: Names of classes that may mean that there is no label.
LIKE_NOTHING = (MISSING - {""}) | {"-", "--", "unknown", "unlabelled", "unlabeled", "<na>", "#n/a"}


def class_names(
    labels: Sequence[Label | None],
    places: Sequence[str],
    what: str,
    asked: Sequence[str] = (),
) -> list[str]:
    """The classes that labels name, sorted.

    Args:
        what: what holds them, for messages.
        asked: those that the user names; no others are taken then, and they need no label.

    Raises:
        DataError: there are none or one, or so many that it must be a mistake.
    """
    known = [label for label in labels if label is not None]
    if strange := sorted(set(known) - {*asked}) if asked else []:
        raise DataError(
            f"{places[list(labels).index(strange[0])]}: classes does not name "
            f"{strange[0]!r}: {did_you_mean(strange[0], asked)}"
        )
    names = sorted({*known, *asked})
    if not names:
        raise DataError(
            f"{what} has no labels: label some samples of each class, or name the classes, as "
            "classes=cat,dog, and people are asked"
        )
    if len(names) == 1:
        raise DataError(f"{what} has one class, {names[0]!r}: label samples of another as well")
    alone = len(names) > FEW_CLASSES and 2 * len(names) > len(known)
    if not asked and (alone or len(names) > MOST_CLASSES):
        row = list(labels).index(known[-1])
        raise DataError(
            f"{what} has {len(names)} classes in {len(known)} labels ({places[row]}: "
            f"{str(known[-1])[:40]!r}): choose another column if this is a mistake"
        )
    return names


def spec_of_classes(
    names: Sequence[str], shape: Sequence[int], dtype: str, **more: Any
) -> DataSpec:
    """A spec of samples with one class each."""
    return DataSpec(tuple(names), tuple(shape), dtype, "class", more)


def with_positive(spec: DataSpec, labels: Sequence[Label | None]) -> DataSpec:
    """A spec of two classes that says which is the rarer one; see `al.kinds.metrics.positive`."""
    if len(spec.classes) != 2:
        return spec
    first, second = (sum(label == name for label in labels) for name in spec.classes)
    return replace(spec, details={**spec.details, "positive": int(second <= first)})


def spec_of_targets(
    labels: Sequence[Label | None],
    places: Sequence[str],
    what: str,
    shape: Sequence[int],
    dtype: str,
    asked: Sequence[str] = (),
    like: Label | None = None,
    **more: Any,
) -> DataSpec:
    """A spec of samples with a class, several classes or a number each, as their labels are.

    Args:
        asked: see `class_names`.
        like: what labels are where there is none yet: 0.0 for numbers, [] for several classes.

    Raises:
        DataError: as of `class_names`.
    """
    first = next((label for label in labels if label is not None), like)
    if isinstance(first, float):
        numbers = np.array([label for label in labels if label is not None] or [first])
        more |= {"middle": float(numbers.mean()), "unit": float(numbers.std()) or 1.0}
        return DataSpec((), tuple(shape), dtype, "number", more)
    if isinstance(first, list):
        pairs = zip(labels, places, strict=True)
        each = [(name, place) for some, place in pairs for name in some or ()]
        names = class_names([name for name, _ in each], [place for _, place in each], what, asked)
        return DataSpec(tuple(names), tuple(shape), dtype, "labels", more)
    return spec_of_classes(class_names(labels, places, what, asked), shape, dtype, **more)


def strange_classes(counts: Mapping[str, int]) -> list[str]:
    """Lines about classes that may mean that there is no label, or that may be one class."""
    lines = [
        f"class {name!r} ({count} samples) is a class like the others: pass "
        f"missing_labels={name} if it means that there is no label"
        for name, count in counts.items()
        if name.lower() in LIKE_NOTHING
    ]
    alike: dict[str, list[str]] = {}
    for name in counts:
        try:
            same = f"{float(name)!r}"
        except ValueError:
            same = " ".join(name.casefold().split())
        alike.setdefault(same, []).append(name)
    for names in alike.values():
        if len(names) > 1:
            variants = " and ".join(f"{name!r} ({counts[name]})" for name in names)
            lines.append(f"classes {variants} count as different: write them alike if they are one")
    return lines
