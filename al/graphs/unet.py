"""A small U-Net (Ronneberger, Fischer and Brox 2015): a feature vector for each pixel."""

from __future__ import annotations

import torch
from torch import nn


class UNet(nn.Module):
    """Images [N, H, W] or [N, H, W, channels] → features [N, width, H, W].

    Each level halves the side, so H and W are multiples of 2^(levels − 1). Normalised by
    groups of channels, which does not depend on the other samples of a batch.
    """

    def __init__(self, channels: int = 1, width: int = 8, levels: int = 4) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels)]
        self.down = nn.ModuleList(
            _block(before, after)
            for before, after in zip([channels, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            _block(widths[level] + widths[level - 1], widths[level - 1])
            for level in range(levels - 1, 0, -1)
        )
        self.pool = nn.MaxPool2d(2)
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Down, keeping what each level saw, and up again with it."""
        x = images[:, None] if images.ndim == 3 else images.movedim(-1, 1)
        seen = []
        for number, block in enumerate(self.down):
            x = block(self.pool(x) if number else x)
            seen.append(x)
        seen.pop()
        for block in self.up:
            x = block(torch.cat([self.grow(x), seen.pop()], dim=1))
        return x


def _block(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside in (before, after):
        layers += [nn.Conv2d(inside, after, 3, padding=1, bias=False)]
        layers += [nn.GroupNorm(4, after), nn.ReLU()]
    return nn.Sequential(*layers)
