"""A U-Net over images that do not fill their squares."""

from __future__ import annotations

import torch
from torch import nn

from al.contracts import DataSpec
from al.graphs.segmentation import SegmentationGraph
from al.graphs.unet import UNet

#: Logit of the first class beside an image, where the others have 0: nothing is unsure there.
CERTAIN = 30.0


class CoveredTrunk(nn.Module):
    """Images [N, H, W, 4] → features [N, width + 1, H, W], the last of which is the cover.

    The fourth channel of an image, its cover, is 1 where the image is and 0 beside it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = UNet(4, width)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features that are 0 beside the image."""
        cover = images[..., 3][:, None]
        return torch.cat([self.net(images) * cover, cover], dim=1)


class CoveredHead(nn.Module):
    """Features with their cover → logits [N, C, H, W]."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Dropout2d(0.3), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, classes, 1),
        )  # fmt: skip

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """What lies beside the image is of the first class for certain, and scores nothing."""
        logits = self.net(features[:, :-1])
        beside = torch.zeros_like(logits)
        beside[:, 0] = CERTAIN
        return torch.where(features[:, -1:] > 0.5, logits, beside)


def covered_unet(spec: DataSpec, width: int = 8) -> SegmentationGraph:
    """A small U-Net for uint8 images [N, S, S, 4] of any size S that is a multiple of 8."""
    head = CoveredHead(width, len(spec.classes))
    return SegmentationGraph(CoveredTrunk(width), head, spec, scale=255.0)
