"""Images moved a little each time they are trained on, so that few labels teach more."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class Crops:
    """A random part of each image, brought back to the image's size (bilinear).

    Its sides are √least to 1 of the image's, by one factor, and it lies anywhere in it. Draws
    come from torch's own generator, which is seeded for each epoch, and are the same on any device.

    Args:
        flips: whether every other image is mirrored, left to right, too.
        least: share of the area that is kept at least.
    """

    flips: bool = False
    least: float = 0.5

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """[N, H, W] or [N, H, W, C], floats → the same shape."""
        first = images.unsqueeze(1) if images.dim() == 3 else images.movedim(-1, 1)
        count = len(first)
        side = 1 - torch.rand(count, 1) * (1 - self.least**0.5)
        at = (2 * torch.rand(count, 2) - 1) * (1 - side)  # of the middle; the image is -1 to 1
        across = torch.where(torch.rand(count, 1) < 0.5, -side, side) if self.flips else side
        zero = torch.zeros_like(side)
        moves = torch.cat([across, zero, at[:, :1], zero, side, at[:, 1:]], dim=1).view(-1, 2, 3)
        grid = affine_grid(moves.to(first), list(first.shape), align_corners=False)
        moved = grid_sample(first, grid, padding_mode="border", align_corners=False)
        return moved.squeeze(1) if images.dim() == 3 else moved.movedim(1, -1)


#: What `augment` does, by name.
AUGMENTS = {"off": None, "crops": Crops(), "flips": Crops(flips=True)}
