"""A number a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from al.catalog import kinds
from al.contracts import Label
from al.errors import LabelError
from al.kinds.base import Kind, Trait
from al.kinds.metrics import OF_NUMBERS

#: Models learn in float32, where a larger number is infinite.
LARGEST = float(np.finfo(np.float32).max)


@kinds.register("number")
class Numbers(Kind):
    """A finite number each, which is the label and the target."""

    labels_are = "numbers"
    form = "value"
    metric = "rmse"
    strategy = "igs"
    suits = "variance, bald or igs"
    traits = frozenset({Trait.NORMAL})
    metrics = OF_NUMBERS

    def check(self, label: Label) -> None:
        number = isinstance(label, (int, float)) and not isinstance(label, bool)
        if not number or not abs(label) <= LARGEST:
            raise LabelError(f"{repr(label)[:40]} is not a finite number: answer with one")

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        return torch.tensor([float(label) for label in labels], dtype=torch.float32)

    def majority(self, labels: Sequence[Label]) -> Label:
        """The median."""
        return float(np.median(labels))

    def wrong(self, target: Any) -> str:
        value = float(target)
        return "" if math.isfinite(value) else f"its number is {value}"

    def label(self, target: Any) -> Label:
        return float(target)

    def brief(self, label: Label) -> str:
        return f"{label:.4g}"

    def believed(self, label: Label, sure: float) -> str:
        return f"{self.brief(label)} ± {sure:.3g}"

    @classmethod
    def diverse(cls) -> str:
        return cls.strategy  # it is diverse in itself
