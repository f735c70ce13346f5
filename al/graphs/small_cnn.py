"""The network for a user's own images."""

from __future__ import annotations

import torch
from torch import nn

from al.contracts import DataSpec
from al.graphs.base import TorchGraph
from al.graphs.heads import graph_on


class ChannelsFirst(nn.Module):
    """[N, H, W, C] → [N, C, H, W]."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Move the last axis to where convolutions want it."""
        return images.permute(0, 3, 1, 2)


def small_cnn(spec: DataSpec) -> TorchGraph:
    """Three convolutions for uint8 images [N, S, S, 3] of any size, seconds a cycle on a CPU."""
    trunk = nn.Sequential(
        ChannelsFirst(),
        nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.GroupNorm(4, 32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.GroupNorm(4, 64), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
        nn.Flatten(), nn.Linear(64 * 4 * 4, 128), nn.ReLU(),
    )  # fmt: skip
    return graph_on(trunk, 128, spec, dropout=0.5, scale=255.0)
