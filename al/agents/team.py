"""Several processes that train one network, each on its part of every batch; torchrun starts them.

The first one drives: it alone speaks to the tracking server, measures, keeps and decides. The
others are told what to train, and add their gradients to its own.
"""

from __future__ import annotations

import atexit
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from al.errors import ConfigError, EngineError

#: How long the others wait for the first, which may wait for people; torchrun ends them with it.
WAIT = timedelta(days=365)
#: What torchrun says who is who by. Processes that these start are not of the team.
PLACES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


class Team:
    """The processes of a training, as one of them sees them.

    Attributes:
        here: the team that this process is of; None for a process alone.
        rank: of this process, from 0 on; 0 drives.
        size: how many there are.
        share: what part of the batch at hand is this process's, 0 to 1.
    """

    here: ClassVar[Team | None] = None

    def __init__(self) -> None:
        store, self.rank, self.size = next(rendezvous("env://", timeout=WAIT))
        local, self._on_machine = (int(os.environ.get(name, "1")) for name in PLACES[2:])
        self._gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if self._gpus:
            torch.cuda.set_device(local % self._gpus)
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if self._gpus else "gloo",
            store=PrefixStore("group", store),
            rank=self.rank,
            world_size=self.size,
            timeout=WAIT,
        )
        for name in PLACES:
            os.environ.pop(name, None)
        self.share = 1.0
        self._calls, self._number = PrefixStore("calls", store), 0
        if self.rank == 0:
            atexit.register(self._ring, "")

    def check(self, device: torch.device) -> None:
        """Refuse to train where processes would share a GPU.

        Raises:
            ConfigError: they would.
        """
        if device.type == "cuda" and device.index is not None:
            raise ConfigError(f"device={device} is one GPU for {self.size} processes: leave it out")
        if device.type == "cuda" and self._on_machine > self._gpus:
            raise ConfigError(
                f"{self._on_machine} processes train on {self._gpus} GPUs: start torchrun with "
                f"--nproc-per-node {self._gpus}"
            )

    # -- from the first to the others ----------------------------------------------------

    def tell(self, message: Any) -> None:
        """Hand a message to all others; tensors in it come to their processors."""
        self._ring("1")
        buffer = io.BytesIO()
        torch.save(message, buffer)
        with _others():
            dist.broadcast_object_list([buffer.getvalue()], device=torch.device("cpu"))

    def receive(self) -> Any:
        """The next message of the first process, whenever that comes; None where it has ended."""
        self._number += 1
        with _others():
            if not self._calls.get(str(self._number)):
                return None
            held: list[Any] = [None]
            dist.broadcast_object_list(held, device=torch.device("cpu"))
        return torch.load(io.BytesIO(held[0]), map_location="cpu", weights_only=False)

    def _ring(self, what: str) -> None:
        """Say that a message comes, or none any more; never waits, whoever is there."""
        self._number += 1
        self._calls.set(str(self._number), what)

    # -- all together --------------------------------------------------------------------

    def add_up(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Before a step: make the gradients those of the whole batch.

        ∇ = Σ_r n_r / n ∇_r, with ∇_r of the mean loss of the n_r of n samples that process r has.
        """
        learned = [p for group in optimizer.param_groups for p in group["params"]]
        parts = [torch.zeros_like(p) if p.grad is None else p.grad * self.share for p in learned]
        there = [float(p.grad is not None) for p in learned]
        flat = torch.cat([*(part.flatten() for part in parts), parts[0].new_tensor(there)])
        self.sum(flat)
        *found, known = torch.split(flat, [*(p.numel() for p in learned), len(learned)])
        for p, gradient, some in zip(learned, found, known.tolist(), strict=True):
            p.grad = gradient.view_as(p).to(p.dtype) if some else None

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Add up the tensors of all processes, in place."""
        with _others():
            dist.all_reduce(tensor)
        return tensor


@contextmanager
def _others() -> Iterator[None]:
    """What needs all processes.

    Raises:
        EngineError: one of them has ended.
    """
    try:
        yield
    except RuntimeError as error:  # all that torch's processes raise
        raise EngineError(
            "another process of this training has ended: see what it said; the same command goes on"
        ) from error
