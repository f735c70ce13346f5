"""Small heads on the maps of features that a pretrained encoder gives of an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import interpolate

from al.contracts import DataSpec
from al.graphs.covered import CERTAIN
from al.graphs.detection import DetectionGraph
from al.graphs.segmentation import SegmentationGraph

#: Features of a cell that a head learns from.
WIDTH = 64
#: Numbers of a place behind the maps: top, left, height and width of the image in its square.
PLACE = 4
#: Least steps of an epoch, and samples of a step: of few labels a few make a batch.
STEPS, LEAST = 8, 4
#: Probability of a centre in a cell before anything is learned is σ of this.
RARE = -2.2


class GridTrunk(nn.Module):
    """Rows of a vector, maps and a place [N, …] → features [N, width (+ 4), S, S].

    Each cell of each map is normalised to mean 0 and variance 1 over its channels, so that
    nothing is to be estimated from few labels, and projected; coarser maps are brought to the
    side of the finest by linear interpolation, and all are added up. A place follows as planes,
    in shares of the side.

    Args:
        vector: numbers before the maps, which are not used.
        maps: (channels, side) of each, the finest first.
        side: of the square in pixels; 0 where no place follows the maps.
    """

    def __init__(self, vector: int, maps: Sequence[Sequence[int]], side: int = 0) -> None:
        super().__init__()
        self.vector, self.maps, self.side = vector, [(int(c), int(s)) for c, s in maps], side
        self.each = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c, _ in self.maps)
        self.scale = nn.ModuleList(Scale(s, self.maps[0][1]) for _, s in self.maps)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Features of each cell of the finest map."""
        at, total = self.vector, torch.zeros((), device=rows.device)
        for (channels, side), project, scale in zip(self.maps, self.each, self.scale, strict=True):
            flat = rows[:, at : at + channels * side**2]
            x = flat.reshape(len(rows), channels, side, side)
            x = x - x.mean(dim=1, keepdim=True)
            x = x / (x.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
            total = total + scale(project(x))
            at += channels * side**2
        found = torch.relu(total)
        if not self.side:
            return found
        place = rows[:, at : at + PLACE, None, None] / self.side
        return torch.cat([found, place.expand(-1, -1, *found.shape[2:])], dim=1)


class Scale(nn.Module):
    """Maps [N, C, S, S] at another side, by linear interpolation.

    As two products with a matrix, which are summed in the same order each time, on a GPU too.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        weights = interpolate(torch.eye(before)[None], size=after, mode="linear")[0]
        self.register_buffer("weights", weights, persistent=False)  # [before, after]
        self.same = before == after

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """At the other side."""
        if self.same:
            return maps
        found: torch.Tensor = self.weights.T @ maps @ self.weights  # type: ignore[operator]
        return found


class MaskHead(nn.Module):
    """Features [N, width (+ 4), S, S] → logits [N, C, side, side].

    Args:
        placed: a place follows the features; what lies beside it is of the first class for
            certain, and scores nothing.
    """

    def __init__(self, classes: int, before: int, side: int, *, placed: bool) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Dropout2d(0.2), nn.Conv2d(WIDTH, classes, 3, padding=1))
        self.scale, self.side, self.placed = Scale(before, side), side, placed

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of each pixel of the square."""
        logits: torch.Tensor = self.scale(self.net(features[:, :WIDTH]))
        if not self.placed:
            return logits
        beside = torch.zeros_like(logits)
        beside[:, 0] = CERTAIN
        place = (features[:, WIDTH:, 0, 0] * self.side).round()[..., None]  # [N, 4, 1]
        pixel = torch.arange(self.side, device=features.device)
        down, across = (
            (pixel >= place[:, low]) & (pixel < place[:, low] + place[:, low + 2]) for low in (0, 1)
        )
        return torch.where((down[:, :, None] & across[:, None, :])[:, None], logits, beside)


class GridMasks(SegmentationGraph):
    """Masks by a head on maps; the place of an image is not a part of its embedding."""

    def batch_size(self, wanted: int, samples: int) -> int:
        return min(wanted, max(LEAST, samples // STEPS))

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        return super().embed(features[:, :WIDTH])


class GridBoxes(DetectionGraph):
    """Boxes by a head on maps."""

    def batch_size(self, wanted: int, samples: int) -> int:
        return min(wanted, max(LEAST, samples // STEPS))


def grid_masks(spec: DataSpec, *, placed: bool = True) -> GridMasks:
    """A class for each pixel, for rows of maps as the details of the spec say them.

    Args:
        placed: the place of each image follows its maps.
    """
    vector, maps, side = _read(spec)
    head = MaskHead(len(spec.classes), maps[0][1], side, placed=placed)
    return GridMasks(GridTrunk(vector, maps, side if placed else 0), head, spec)


def grid_boxes(spec: DataSpec, usual: float) -> GridBoxes:
    """Centre points on the cells of the finest map, for rows of maps.

    Args:
        usual: side of a usual box in pixels.
    """
    vector, maps, side = _read(spec)
    last = nn.Conv2d(WIDTH, len(spec.classes) + 4, 1)
    nn.init.constant_(last.bias[: len(spec.classes)], RARE)  # type: ignore[index]
    head = nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(), nn.Dropout2d(0.2), last)
    stride = side / maps[0][1]
    return GridBoxes(GridTrunk(vector, maps), head, spec, stride=stride, size=usual)


def _read(spec: DataSpec) -> tuple[int, Sequence[Sequence[int]], int]:
    """Width of the vector, maps, and side of the images in pixels."""
    encoder = spec.details["encoder"]
    return encoder["width"], encoder["maps"], spec.image_shape[0]
