"""Metrics of classes by name, from torchmetrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torchmetrics import Metric
from torchmetrics.classification import (
    BinaryAUROC,
    BinaryAveragePrecision,
    BinaryF1Score,
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassAveragePrecision,
    MulticlassF1Score,
)


class OfPositive(Metric):  # type: ignore[misc]
    """A metric of two classes, of which the second is the positive one; fed [N, 2]."""

    def __init__(self, of: Metric) -> None:
        super().__init__()
        self.of = of

    def update(self, probabilities: torch.Tensor, targets: torch.Tensor) -> None:
        """Hand over the second column."""
        self.of.update(probabilities[:, 1].contiguous(), targets)

    def compute(self) -> Any:
        """What the metric says."""
        return self.of.compute()


def class_meters(names: Sequence[str], classes: int) -> dict[str, Metric]:
    """New metrics; with two classes all but accuracy and macro_f1 speak of the second one.

    Args:
        names: some of accuracy, macro_f1, f1, auroc and average_precision; with more classes
            the last three are means over classes.
    """
    of_two: dict[str, Callable[..., Metric]] = {}
    if classes == 2:
        of_two = {
            "f1": BinaryF1Score,
            "auroc": BinaryAUROC,
            "average_precision": BinaryAveragePrecision,
        }
    of_many: dict[str, Callable[[], Metric]] = {
        "accuracy": lambda: MulticlassAccuracy(classes, average="micro", validate_args=False),
        "macro_f1": lambda: MulticlassF1Score(classes, average="macro", validate_args=False),
        "f1": lambda: MulticlassF1Score(classes, average="macro", validate_args=False),
        "auroc": lambda: MulticlassAUROC(classes, average="macro", validate_args=False),
        "average_precision": lambda: MulticlassAveragePrecision(
            classes, average="macro", validate_args=False
        ),
    }
    return {
        name: OfPositive(of_two[name](validate_args=False)) if name in of_two else of_many[name]()
        for name in names
    }
