"""Any number of classes a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from al.contracts import Batch, DataSpec, Label
from al.graphs.fields import FieldGraph
from al.kinds.metrics import APPLIES
from al.measures import Field

if TYPE_CHECKING:
    import pandas as pd


class MultiLabelGraph(FieldGraph):
    """Binary cross-entropy on logits [N, C]; macro F1; a probability for each label."""

    metrics: ClassVar[tuple[str, ...]] = ("macro_f1", "loss")
    calibrates: ClassVar[bool] = True

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return binary_cross_entropy_with_logits(outputs, targets.float())

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        each = binary_cross_entropy_with_logits(outputs, targets.float(), reduction="none")
        return each.mean(dim=1)

    def weighed(
        self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Samples with and without a label weighed by themselves, [C, 2]."""
        each = binary_cross_entropy_with_logits(
            outputs, targets.to(outputs.dtype), reduction="none"
        )
        found = torch.where(targets > 0, weights[:, 1], weights[:, 0])
        return (found.to(outputs.dtype) * each).mean(dim=1)

    def nll(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.loss(outputs, targets)

    def ece(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        from torchmetrics.functional.classification import binary_calibration_error

        return float(binary_calibration_error(outputs.sigmoid().flatten(), targets.flatten()))

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.sigmoid()

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        """Probabilities in float64: float32 rounds those of a sure model to 1, and their order,
        which metrics of ranking are made of, is gone."""
        return outputs.double().sigmoid()

    def field(self, outputs: torch.Tensor, where: Any) -> Field:
        p = outputs.sigmoid()
        return Field(torch.stack([1.0 - p, p], dim=2))

    def guesses(self, batch: Batch, spec: DataSpec) -> tuple[list[Label], np.ndarray]:
        p = self.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]
        return _names(p, spec), np.maximum(p, 1.0 - p).mean(axis=1)

    def predict(self, inputs: np.ndarray) -> pd.DataFrame:
        """A row a sample: the names of its labels, and the probability of each label."""
        import pandas as pd

        p = np.concatenate([*self.answered(inputs), np.empty((0, len(self.spec.classes)))])
        table = pd.DataFrame(p.astype(np.float64), columns=list(self.spec.classes))
        table.insert(0, "labels", [", ".join(names) for names in _names(p, self.spec)])
        return table


def _names(p: np.ndarray, spec: DataSpec) -> list[list[str]]:
    """The labels that apply to each sample, sorted."""
    return [sorted(spec.classes[c] for c in np.flatnonzero(row >= APPLIES)) for row in p]
