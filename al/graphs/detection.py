"""Boxes around things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn.functional import l1_loss, max_pool2d

from al.contracts import Batch, DataSpec, Label
from al.graphs.fields import FieldGraph
from al.measures import Field

if TYPE_CHECKING:
    import pandas as pd
    from torchmetrics import Metric

#: Places looked at in an image; from which score on a place may be a box, and is answered.
PLACES, MAYBE, SHOWN = 60, 0.1, 0.3


class DetectionGraph(FieldGraph):
    """A centre-point detector; mAP@.5; at each place a distribution over classes and nothing.

    The head gives [N, C + 4, h, w] on a grid `stride` times coarser than the image: for each
    class whether a box of it has its centre in the cell, then where in the cell, then the
    logarithms of width and height over `size`. Peaks of the first are boxes.

    loss = focal loss of the centres, less for cells near one, + L1 of place and size, over the
    number of boxes (Zhou, Wang and Krähenbühl 2019, Objects as points).

    The embedding is the mean and the maximum over the cells, [N, 2 F]. Given that a place
    holds one box at most, C independent logits l make softmax(0, l) over nothing and the
    classes; this is a place's distribution. Places of score under 0.1 count as none.

    Args:
        stride: pixels of a cell's side.
        size: of a usual box in pixels.
    """

    metrics: ClassVar[tuple[str, ...]] = ("map50", "loss")
    #: Targets are as wide as those of all samples, which moves the last bits of the loss.
    in_parts: ClassVar[bool] = False

    def __init__(
        self,
        trunk: nn.Module,
        head: nn.Module,
        spec: DataSpec,
        *,
        scale: float = 1.0,
        stride: float = 4,
        size: float = 16.0,
    ) -> None:
        super().__init__(trunk, head, spec, scale=scale)
        self.stride, self.size = stride, size
        self.count = len(spec.classes)

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        centres, cells, values = self._wanted(outputs, targets)
        there = targets[..., 0] >= 0  # [n, M]
        boxes = there.sum(dim=1).clamp(min=1)
        logits = outputs[:, : self.count]
        p = logits.sigmoid()
        hit = -((1 - p) ** 2) * nn.functional.logsigmoid(logits)
        miss = -((1 - centres) ** 4) * p**2 * nn.functional.logsigmoid(-logits)
        focal = torch.where(centres == 1, hit, miss).sum(dim=(1, 2, 3))
        guessed = self._at(outputs[:, self.count :], cells)  # [n, M, 4]
        apart = l1_loss(guessed, values, reduction="none").sum(dim=2)
        return (focal + (apart * there).sum(dim=1)) / boxes

    def _wanted(
        self, outputs: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Centres [n, C, h, w] blurred by their boxes' size, cells [n, M], place and size."""
        high, wide = outputs.shape[2:]
        low, sides = targets[..., 1:3], targets[..., 3:5].clamp(min=1e-3)
        middle = (low + sides / 2) / self.stride  # x, y in cells
        limits = torch.tensor([wide, high], device=targets.device)
        cell = torch.minimum(middle.floor().clamp(min=0), limits - 1)
        spread = (sides.mean(dim=2) / self.stride / 6).clamp(min=0.3)[..., None, None]
        across = torch.arange(wide, device=targets.device) - cell[..., 0, None]
        down = torch.arange(high, device=targets.device) - cell[..., 1, None]
        squared = across[..., None, :] ** 2 + down[..., :, None] ** 2  # [n, M, h, w]
        blurred = torch.exp(-squared / (2 * spread**2))
        classes = targets[..., 0, None, None]
        centres = torch.stack(
            [(blurred * (classes == c)).amax(dim=1) for c in range(self.count)], dim=1
        )
        values = torch.cat([middle - cell, torch.log(sides / self.size)], dim=2)
        return centres, (cell[..., 1] * wide + cell[..., 0]).long(), values

    @staticmethod
    def _at(maps: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Values of maps [n, V, h, w] in cells [n, K]: [n, K, V]."""
        flat = maps.flatten(2).movedim(1, 2)
        return flat.gather(1, cells[..., None].expand(-1, -1, flat.shape[2]))

    def outputs(self, features: torch.Tensor) -> torch.Tensor:
        """As of any graph, but the head always takes float32: in bfloat16 neighbouring cells
        often score the same, and a peak that is shared would count as several boxes."""
        with torch.autocast(features.device.type, enabled=False):
            return super().outputs(features.float())

    def _peaks(self, outputs: torch.Tensor) -> torch.Tensor:
        """Scores of centres that are highest among their neighbours, 0 elsewhere."""
        p = outputs[:, : self.count].sigmoid()
        return p * (max_pool2d(p, 3, stride=1, padding=1) == p)

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        peaks = self._peaks(outputs)
        return (peaks * (peaks >= MAYBE)).sum(dim=(2, 3))

    def where(self, outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cells [n, K] of the highest peaks, and whether each may be a box."""
        best = self._peaks(outputs).amax(dim=1).flatten(1)
        scores, cells = best.topk(min(PLACES, best.shape[1]), dim=1)
        return cells, (scores >= MAYBE).to(outputs.dtype)

    def field(self, outputs: torch.Tensor, where: Any) -> Field:
        cells, weights = where
        logits = self._at(outputs[:, : self.count], cells)  # [n, K, C]
        nothing = torch.zeros_like(logits[..., :1])
        return Field(torch.cat([nothing, logits], dim=2).softmax(dim=2), weights)

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        """Class, score, x, y, width and height of each place, [n, K, 6], best first."""
        peaks = self._peaks(outputs).flatten(1)  # [n, C·h·w]
        scores, places = peaks.topk(min(PLACES, peaks.shape[1]), dim=1)
        area, wide = outputs.shape[2] * outputs.shape[3], outputs.shape[3]
        cells = places % area
        found = self._at(outputs[:, self.count :], cells)
        corner = torch.stack([cells % wide, cells // wide], dim=2)
        sides = self.size * found[..., 2:].clamp(-4, 4).exp()
        low = (corner + found[..., :2]) * self.stride - sides / 2
        classes = (places // area).to(outputs.dtype)
        return torch.cat([classes[..., None], scores[..., None], low, sides], dim=2)

    def meters(self) -> dict[str, Metric]:
        from al.graphs.meters import MeanAveragePrecision  # late: 1.5 s to import

        return {"map50": MeanAveragePrecision(self.count)}

    def guesses(self, batch: Batch, spec: DataSpec) -> tuple[list[Label], np.ndarray]:
        found = [self._shown(rows) for rows in np.concatenate(self.answered(batch.inputs))]
        labels = [
            [
                {"label": spec.classes[int(row[0])], "box": [round(float(v), 1) for v in row[2:]]}
                for row in rows
            ]
            for rows in found
        ]
        sure = [float(rows[:, 1].mean()) if len(rows) else 0.0 for rows in found]
        return labels, np.array(sure)

    def _shown(self, rows: np.ndarray) -> np.ndarray:
        """The boxes that are answered, cut at the edges of the image."""
        rows = rows[rows[:, 1] >= SHOWN]
        limits = np.array(self.spec.image_shape[::-1], rows.dtype)  # width, height
        low = np.clip(rows[:, 2:4], 0, limits)
        sides = np.clip(rows[:, 2:4] + rows[:, 4:6], 0, limits) - low
        whole = np.concatenate([rows[:, :2], low, sides], axis=1)
        return np.asarray(whole[(sides >= 0.5).all(axis=1)])

    def predict(self, inputs: np.ndarray) -> pd.DataFrame:
        """A row a box: the sample's position, label, score, x, y, width and height."""
        import pandas as pd

        found = [self._shown(rows) for part in self.answered(inputs) for rows in part]
        rows = np.concatenate([*found, np.empty((0, 6))]).astype(np.float64)
        table = {
            "sample": np.repeat(np.arange(len(found)), [len(part) for part in found]),
            "label": np.array(self.spec.classes, dtype=object)[rows[:, 0].astype(int)],
            "score": rows[:, 1],
        }
        sides = zip(("x", "y", "width", "height"), rows[:, 2:].T, strict=True)
        return pd.DataFrame(table | dict(sides))
