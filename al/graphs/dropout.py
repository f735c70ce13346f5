"""Dropout whose masks depend on a seed alone, not on the batch.

The same T masks apply to every sample, so a sample's T predictions are one draw of T
networks, the same in whatever batch or shard the sample is scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_ELEMENTS = (nn.Dropout, nn.AlphaDropout)
_CHANNELS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


@contextmanager
def fixed_masks(module: nn.Module, seed: int) -> Iterator[None]:
    """While open, every dropout layer in the module (in eval mode) uses the seed's mask."""
    hooks = []
    for index, layer in enumerate(module.modules()):
        if isinstance(layer, _ELEMENTS + _CHANNELS) and layer.p > 0:
            draw = torch.Generator().manual_seed((seed * 1_000_003 + index) % 2**63)
            hooks.append(layer.register_forward_hook(_hook(layer, draw)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _hook(layer: Any, draw: torch.Generator) -> Any:
    def apply(_: nn.Module, __: Any, output: torch.Tensor) -> torch.Tensor:
        shape = list(output.shape[1:])
        if isinstance(layer, _CHANNELS):
            shape[1:] = [1] * (len(shape) - 1)
        keep = torch.rand(shape, generator=draw) >= layer.p
        return output * (keep.to(output) / (1.0 - layer.p))

    return apply
