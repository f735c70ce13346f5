"""Any number of classes a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from al.catalog import kinds
from al.contracts import Label, Likely
from al.errors import LabelError
from al.kinds.base import Kind, Trait, even, likeliest
from al.kinds.metrics import OF_LABELS


@kinds.register("labels")
class Labels(Kind):
    """Several classes each: a label is a sorted list of names, a target bool [C]."""

    labels_are = "several classes each"
    form = "choices"
    ranked = True
    metric = "macro_f1"
    strategy = "entropy"
    suits = "entropy, bald or typiclust"
    traits = frozenset({Trait.FIELDS})
    over = ("mean", "max")
    metrics = OF_LABELS

    def check(self, label: Label) -> None:
        if not isinstance(label, list):
            example = sorted(self.place)[:2]
            raise LabelError(f"{label!r} is not a list of classes: answer like {example}")
        for name in label:
            self._class(name)
        if label != sorted(set(label)):
            raise LabelError(f"{label!r} is not sorted, or holds a class twice: answer each once")

    def renamed(self, label: Label, to: Callable[[str], str]) -> Label:
        return sorted({to(name) for name in label})

    def from_form(self, value: Any) -> Label:
        whole = isinstance(value, list) and all(isinstance(name, str) for name in value)
        return sorted(set(value)) if whole else value

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        found = torch.zeros(len(labels), len(self.place), dtype=torch.int64)
        for row, names in enumerate(labels):
            found[row, [self.place[name] for name in names]] = 1
        return found

    def wrong(self, target: Any) -> str:
        shape = np.shape(target)
        return "" if shape == (len(self.place),) else f"{shape} flags for {len(self.place)} classes"

    def label(self, target: Any) -> Label:
        return sorted(self.spec.classes[c] for c in np.flatnonzero(target))

    def compared(self, truth: Sequence[Label], guessed: Sequence[Label]) -> np.ndarray:
        true, guess = (self.tensor(labels).bool().numpy() for labels in (truth, guessed))
        return np.stack([true & guess, guess & ~true, true & ~guess], axis=2).astype(float)

    def balanced(self, labels: Sequence[Label]) -> np.ndarray:
        """Of each class the samples without it and those with it, [C, 2]."""
        having = self.tensor(labels).numpy().sum(axis=0)
        return even(np.stack([len(labels) - having, having], axis=1))

    @classmethod
    def likely(cls, classes: Sequence[str], probabilities: np.ndarray) -> Likely:
        return likeliest(classes, probabilities)

    def names(self, label: Label) -> list[str]:
        return list(label)

    def brief(self, label: Label) -> str:
        return ", ".join(label) or "none"

    def believed(self, label: Label, sure: float) -> str:
        return f"{sure:.0%} {self.brief(label)}"
