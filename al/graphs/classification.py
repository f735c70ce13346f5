"""One class a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from al.contracts import DataSpec
from al.graphs.base import TorchGraph


class ClassificationGraph(TorchGraph):
    """Cross-entropy on logits [N, C]; accuracy; softmax probabilities.

    Args:
        measures: metrics beside the loss, of those in `al.kinds.metrics.OF_CLASSES`.
    """

    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "loss")
    calibrates: ClassVar[bool] = True

    def __init__(
        self,
        trunk: nn.Module,
        head: nn.Module,
        spec: DataSpec,
        *,
        scale: float = 1.0,
        measures: Sequence[str] = ("accuracy",),
    ) -> None:
        super().__init__(trunk, head, spec, scale=scale)
        self.metrics = ("loss",)  # type: ignore[misc]  # a graph's own
        if self.in_parts:
            self.measure(measures)
        else:  # a subclass with an `evaluate` of its own
            self.metrics = (*measures, "loss")  # type: ignore[misc]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets)

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets, reduction="none")

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.softmax(dim=1)

    def nll(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets)

    def ece(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        from torchmetrics.functional.classification import multiclass_calibration_error

        p = self.probabilities(outputs)
        return float(multiclass_calibration_error(p, targets, len(self.spec.classes)))
