"""A class for each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from al.contracts import Batch, DataSpec, Label
from al.graphs.fields import FieldGraph
from al.kinds import kind_of
from al.masks import VOID, encode_mask
from al.measures import Field

if TYPE_CHECKING:
    from torchmetrics import Metric


class SegmentationGraph(FieldGraph):
    """Dice + cross-entropy on logits [N, C, H, W]; mean IoU and Dice; softmax for each pixel.

    Class 0 is the background, where the kind of problem has one; else every class counts. Pixels
    of no known class (`al.masks.VOID`) are left out of loss, metrics and calibration. The trunk
    gives a map of features [N, F, H, W]; embeddings are their mean and standard deviation over
    the pixels, [N, 2 F].

    loss = mean over pixels of −ln p(y) + 1 − mean over classes but the background of
    (2 Σ p t + 1) / (Σ p + Σ t + 1), for each image alone (Milletari, Navab and Ahmadi 2016,
    V-Net; with cross-entropy as in Isensee et al. 2021, nnU-Net).
    """

    metrics: ClassVar[tuple[str, ...]] = ("mean_iou", "dice", "loss")
    calibrates: ClassVar[bool] = True

    def __init__(
        self, trunk: nn.Module, head: nn.Module, spec: DataSpec, *, scale: float = 1.0
    ) -> None:
        super().__init__(trunk, head, spec, scale=scale)
        kind = kind_of(spec)
        self.background, self.void = kind.first > 0, kind.void

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self._losses(outputs, targets)

    def weighed(
        self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Pixels weighed by their class in the cross-entropy; Dice has classes alike as it is."""
        return self._losses(outputs, targets, weights)

    def _losses(
        self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        targets, first = targets.long(), int(self.background)
        known = targets != VOID
        entropies = cross_entropy(
            outputs, targets, weight=weights, reduction="none", ignore_index=VOID
        )
        p = outputs.softmax(dim=1)[:, first:]
        t = one_hot(targets * known, outputs.shape[1]).movedim(-1, 1)[:, first:].to(p.dtype)
        if self.void:
            p, t = p * known[:, None], t * known[:, None]
            of_each = entropies.sum(dim=(1, 2)) / known.sum(dim=(1, 2)).clamp(min=1)
        else:
            of_each = entropies.mean(dim=(1, 2))
        shared, both = (p * t).sum(dim=(2, 3)), (p + t).sum(dim=(2, 3))
        return of_each + 1.0 - ((2 * shared + 1) / (both + 1)).mean(dim=1)

    def nll(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets.long(), ignore_index=VOID)

    def ece(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        from torchmetrics.functional.classification import multiclass_calibration_error

        p, t = outputs.softmax(dim=1).movedim(1, -1).flatten(0, 2), targets.long().flatten()
        return float(multiclass_calibration_error(p[t != VOID], t[t != VOID], p.shape[1]))

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.softmax(dim=1).mean(dim=(2, 3))

    def field(self, outputs: torch.Tensor, where: Any) -> Field:
        p = outputs.softmax(dim=1).flatten(2).movedim(1, 2)  # [n, K, C]
        weights = 1.0 - p[..., 0] if self.background else None
        return Field(p, weights, (outputs.shape[2], outputs.shape[3]))

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        flat = features.flatten(2)
        return torch.cat([flat.mean(dim=2), flat.std(dim=2)], dim=1)

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.argmax(dim=1).to(torch.uint8)

    def meters(self) -> dict[str, Metric]:
        from torchmetrics.classification import MulticlassF1Score, MulticlassJaccardIndex

        many = {"num_classes": len(self.spec.classes), "average": "macro", "ignore_index": VOID,
                "validate_args": False}  # fmt: skip
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
        return np.concatenate(found) if found else np.empty((0, *self.spec.image_shape), np.uint8)
