"""Where every draw comes from: a generator named by campaign seed, cycle and step.

No global seed is ever set or read, so a step that is done again draws what it drew before,
and a draw that is added in one step moves no other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def generator(seed: int, cycle: int, step: str, *more: int) -> np.random.Generator:
    """The generator of one step; `more` tells candidates or epochs apart."""
    return np.random.default_rng(_sequence(seed, cycle, step, *more))


def torch_seed(seed: int, cycle: int, step: str, *more: int) -> int:
    """A 63-bit seed for torch's own generators, named like `generator`."""
    return int(_sequence(seed, cycle, step, *more).generate_state(1, np.uint64)[0] >> 1)


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """While open, torch's global generators draw from the seed; afterwards they are as before.

    Args:
        device: "cuda" where the current GPU's generator is drawn from as well.
    """
    import torch

    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        if device == "cpu":  # for GPUs the other notes where it was called from, which takes long
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)
        yield


def _sequence(seed: int, cycle: int, step: str, *more: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, cycle, zlib.crc32(step.encode()), *more])
