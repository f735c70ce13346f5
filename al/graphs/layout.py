"""How a network's weights and activations lie in memory."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

#: Whose modules take activations in any order; a `forward` of one's own may `view` them.
_ORDERLESS = ("torch.nn.", "al.graphs.")
#: Samples that a convolutional network infers at a time on a processor: its activations stay
#: in the cache.
PIECE = 64


def channels_last(network: nn.Module) -> bool:
    """Lay a convolutional network's weights out with the channels last, which is how processors
    multiply fastest, where all of its modules can take it; whether that was done."""
    modules = list(network.modules())
    if not any(isinstance(module, _ConvNd) for module in modules):
        return False
    if not all(type(module).__module__.startswith(_ORDERLESS) for module in modules):
        return False
    if any(tensor.dim() == 5 for tensor in (*network.parameters(), *network.buffers())):
        return False  # of volumes: that layout is for weights of four axes
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return True
