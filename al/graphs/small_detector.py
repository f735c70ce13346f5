"""A small detector for photographs: seconds a cycle on a CPU."""

from __future__ import annotations

from torch import nn

from al.contracts import DataSpec
from al.graphs.detection import DetectionGraph
from al.graphs.small_cnn import ChannelsFirst

#: Pixels of a grid cell's side.
STRIDE = 4


def small_detector(spec: DataSpec, usual: float) -> DetectionGraph:
    """Centre points on a grid of cells of 4 pixels, for uint8 photographs [N, H, W, 3].

    Args:
        usual: side of a usual box in pixels.
    """
    last = nn.Conv2d(64, len(spec.classes) + 4, 1)
    head = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Dropout2d(0.2), last)
    nn.init.constant_(last.bias[: len(spec.classes)], -2.2)  # type: ignore[index]
    return DetectionGraph(detector_trunk(), head, spec, scale=255.0, stride=STRIDE, size=usual)


def detector_trunk() -> nn.Sequential:
    """Photographs [N, H, W, 3] → features [N, 64, H / 4, W / 4].

    Each colour of a photograph is brought to mean 0 and variance 1 first, as light and stain
    differ between photographs; without it, some seeds do not learn to tell cells at all.
    """
    return nn.Sequential(
        ChannelsFirst(), nn.InstanceNorm2d(3),
        nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.GroupNorm(4, 16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GroupNorm(4, 32), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=2, dilation=2), nn.GroupNorm(8, 64), nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=2, dilation=2), nn.GroupNorm(8, 64), nn.ReLU(),
    )  # fmt: skip
