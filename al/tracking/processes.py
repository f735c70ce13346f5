"""Which process on which host, and whether it is still there."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class Process:
    """A process that drives a campaign, or asks to.

    Attributes:
        space: what makes process numbers comparable: boot and container.
        born: when the process started, in the units of its host; 0 where that is not known.
        since: when it asked; for people.
    """

    host: str
    space: str
    pid: int
    born: int
    since: str

    @classmethod
    def mine(cls) -> Process:
        """This one."""
        pid = os.getpid()
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(platform.node(), _space(), pid, _born(pid), since)

    @classmethod
    def of(cls, found: Any) -> Process:
        """As it was written down; where that cannot be read, one that nobody can look up."""
        with suppress(TypeError):
            return cls(**found)
        return cls("an unknown host", "", 0, 0, "an unknown time")

    def alive(self) -> bool | None:
        """Whether the process is there; None where it cannot be looked up from here."""
        if (self.host, self.space) != (platform.node(), _space()):
            return None
        try:
            there = psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            there = True
        return there and self.born == _born(self.pid)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def _space() -> str:
    """Where process numbers mean the same: this boot, and this container."""
    found = []
    read: list[Callable[[], Any]] = [
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        lambda: os.readlink("/proc/self/ns/pid"),
    ]
    for part in read:
        try:
            found.append(str(part()))
        except OSError:
            found.append("")
    return " ".join(found)


def _born(pid: int) -> int:
    """Ticks from boot to the process's start, which no change of the clock moves; else 0."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0
