"""A class for each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch.nn.functional import cross_entropy, one_hot

from al.contracts import Batch, DataSpec, Label
from al.graphs.fields import FieldGraph
from al.masks import encode_mask
from al.measures import Field

if TYPE_CHECKING:
    from torchmetrics import Metric


class SegmentationGraph(FieldGraph):
    """Dice + cross-entropy on logits [N, C, H, W]; mean IoU and Dice; softmax for each pixel.

    Class 0 is the background. The trunk gives a map of features [N, F, H, W]; embeddings are
    their mean and standard deviation over the pixels, [N, 2 F].

    loss = mean over pixels of −ln p(y) + 1 − mean over classes but the background of
    (2 Σ p t + 1) / (Σ p + Σ t + 1), for each image alone (Milletari, Navab and Ahmadi 2016,
    V-Net; with cross-entropy as in Isensee et al. 2021, nnU-Net).
    """

    metrics: ClassVar[tuple[str, ...]] = ("mean_iou", "dice", "loss")
    calibrates: ClassVar[bool] = True

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        targets = targets.long()
        entropies = cross_entropy(outputs, targets, reduction="none").mean(dim=(1, 2))
        p = outputs.softmax(dim=1)[:, 1:]
        t = one_hot(targets, outputs.shape[1]).movedim(-1, 1)[:, 1:].to(p.dtype)
        shared, both = (p * t).sum(dim=(2, 3)), (p + t).sum(dim=(2, 3))
        return entropies + 1.0 - ((2 * shared + 1) / (both + 1)).mean(dim=1)

    def nll(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets.long())

    def ece(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        from torchmetrics.functional.classification import multiclass_calibration_error

        p = outputs.softmax(dim=1).movedim(1, -1).flatten(0, 2)
        return float(multiclass_calibration_error(p, targets.long().flatten(), p.shape[1]))

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.softmax(dim=1).mean(dim=(2, 3))

    def field(self, outputs: torch.Tensor, where: Any) -> Field:
        p = outputs.softmax(dim=1).flatten(2).movedim(1, 2)  # [n, K, C]
        return Field(p, 1.0 - p[..., 0], (outputs.shape[2], outputs.shape[3]))

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        flat = features.flatten(2)
        return torch.cat([flat.mean(dim=2), flat.std(dim=2)], dim=1)

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.argmax(dim=1).to(torch.uint8)

    def meters(self) -> dict[str, Metric]:
        from torchmetrics.classification import MulticlassF1Score, MulticlassJaccardIndex

        many = {"num_classes": len(self.spec.classes), "average": "macro", "validate_args": False}
        return {"mean_iou": MulticlassJaccardIndex(**many), "dice": MulticlassF1Score(**many)}

    def guesses(self, batch: Batch, spec: DataSpec) -> tuple[list[Label], np.ndarray]:
        masks, sure = [], []
        self.network.eval()
        with torch.inference_mode():
            for rows in self._pieces(len(batch.ids)):
                p = self.network(self.prepare(batch.inputs[rows])).softmax(dim=1)
                masks += [encode_mask(mask) for mask in p.argmax(dim=1).cpu().numpy()]
                sure.append(p.amax(dim=1).mean(dim=(1, 2)).cpu().numpy())
        return masks, np.concatenate(sure)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """The class of each pixel by its position in the classes, uint8 [N, H, W]."""
        found = self.answered(inputs)
        return np.concatenate(found) if found else np.empty((0, *inputs.shape[1:3]), np.uint8)
