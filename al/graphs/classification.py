"""One class a sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from al.contracts import Batch, DataSpec
from al.graphs.base import TorchGraph

if TYPE_CHECKING:
    from torchmetrics import Metric


class ClassificationGraph(TorchGraph):
    """Cross-entropy on logits [N, C]; accuracy; softmax probabilities.

    Args:
        measures: metrics beside the loss, which are in `al.graphs.class_meters`.
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
        self.metrics = (*measures, "loss")  # type: ignore[misc]  # a graph's own

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

    def each(self, batches: Iterable[Batch], metric: str) -> np.ndarray | None:
        if metric != "accuracy":
            return None
        right = [
            self.infer(batch, ["probabilities"])["probabilities"].argmax(axis=1)
            == np.asarray(batch.targets)
            for batch in batches
        ]
        return np.concatenate(right).astype(np.float64)

    def meters(self) -> dict[str, Metric]:
        from al.graphs.class_meters import class_meters  # late: 1.5 s to import

        return class_meters(self.metrics[:-1], len(self.spec.classes))
