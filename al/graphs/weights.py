"""Weights of a network: as a file without pickle, and as the start of another training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from al.errors import DataError

_FILE = "weights.safetensors"

Tensors = Mapping[str, torch.Tensor]


def write(folder: Path, tensors: Tensors) -> None:
    """Make the folder and write the tensors into it; one that has two names, under each."""
    folder.mkdir(parents=True, exist_ok=True)
    whole, taken = dict[str, torch.Tensor](), set[int]()
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        place = own.untyped_storage().data_ptr()
        whole[name] = own.clone() if place in taken else own
        taken.add(place)
    save_file(whole, folder / _FILE)


def read_into(take: Callable[[Tensors], None], folder: Path) -> None:
    """Hand over what `write` wrote.

    Raises:
        DataError: it is missing, corrupt, or `take` says that it is of another network.
    """
    try:
        take(load_file(folder / _FILE))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{_FILE} is missing, damaged or of another network ({reason}): "
            "restore it, or promote a version of this task"
        ) from error


def mix(
    mine: Tensors, theirs: Tensors, learned: Iterable[str], *, keep: float, fresh: float
) -> None:
    """Start, in place, from keep · their weights + fresh · the random ones that are there.

    Parameters are mixed; other numbers, like running means, are taken over.

    keep = 1, fresh = 0 is a warm start. Ash and Adams (2020), On warm-starting neural
    network training: θ ← λ θ + noise keeps its speed and loses its worse generalisation.
    Their noise is normal; here it is a fresh initialisation, whose scale fits each layer.

    Args:
        learned: names of the parameters, which an optimizer changes; of one that has two names,
            both.
    """
    learned, mixed = frozenset(learned), set[int]()
    with torch.no_grad():
        for name, tensor in mine.items():
            if name not in theirs:  # a head that the other one did not have
                continue
            if tensor.numel() and tensor.data_ptr() in mixed:  # under another name already
                continue
            mixed.add(tensor.data_ptr())
            if name in learned:
                tensor.copy_(fresh * tensor + keep * theirs[name].to(tensor.device))
            else:
                tensor.copy_(theirs[name])
