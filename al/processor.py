"""Which kind of processor computes: numbers of two kinds may differ in their last bits."""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

#: What stands for the kind where several may work together.
MIXED = "mixed"


@lru_cache(maxsize=8)
def processor_of(device: str) -> str:
    """The kind of processor behind a device of torch, like "cuda NVIDIA H100 80GB HBM3".

    Of a CPU its model and the instructions that torch uses count, as its libraries choose the
    order of sums by both.
    """
    import torch  # late: a served version does not need it

    kind = torch.device(device)
    if kind.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(kind)}"
    if kind.type == "cpu":
        capability = torch.backends.cpu.get_cpu_capability()
        return f"cpu {platform.machine()} {_model()} {capability}"
    return kind.type


def _model() -> str:
    """The CPU's name, where the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
