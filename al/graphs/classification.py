"""One class a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn.functional import cross_entropy

from al.graphs.base import TorchGraph

if TYPE_CHECKING:
    from torchmetrics import Metric


class ClassificationGraph(TorchGraph):
    """Cross-entropy on logits [N, C]; accuracy; softmax probabilities."""

    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "loss")

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets)

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets, reduction="none")

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.softmax(dim=1)

    def meters(self) -> dict[str, Metric]:
        from torchmetrics.classification import MulticlassAccuracy  # late: 1.5 s to import

        classes = len(self.spec.classes)
        return {"accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False)}
