"""An encoder's network as a part of a network that is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from al.data.encoders.network import NetworkEncoder


class Reader(nn.Module):
    """What an encoder's `raw` gives → vectors [n, D], through a network of its own.

    Batch normalisation keeps the means and variances of the pretraining, as batches of a few
    labels estimate them badly.
    """

    def __init__(self, encoder: NetworkEncoder, network: nn.Module) -> None:
        super().__init__()
        self.network, self._encoder = network, encoder

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self._encoder.vectors(self.network, inputs)
        return found

    def train(self, mode: bool = True) -> Reader:
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, _BatchNorm):
                layer.eval()
        return self
