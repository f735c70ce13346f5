"""A head that learns to predict the loss, beside the one that learns the task.

Yoo and Kweon (2019), Learning loss for active learning.
"""

from __future__ import annotations

import torch
from torch import nn

#: What the names of its weights begin with.
PREFIX = "losses."


def new_head(width: int) -> nn.Module:
    """Embeddings [N, width] → predicted losses [N, 1]."""
    return nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1))


def ranking_loss(guessed: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """How wrongly the predicted losses of pairs in a batch are ordered, with margin 1.

    mean over pairs of max(0, 1 − sign(ℓ_i − ℓ_j)(ℓ̂_i − ℓ̂_j)). The first half of the batch is
    paired with the second.
    """
    half = len(found) // 2
    if not half:
        return guessed.sum() * 0.0
    order = torch.sign(found[:half] - found[half : 2 * half])
    apart = guessed[:half] - guessed[half : 2 * half]
    return (1.0 - order * apart).clamp(min=0.0).mean()
