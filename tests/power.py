"""A power cut: the process is gone, and what it wrote without waiting for the disk as well.

The child is killed at a point where the world changes (tests/killing.py), and notes each file
that it synced by then: by inode, time and size, so that renaming changes nothing and writing
again does. What it did not sync is then dropped, cut to half or zeroed.

What this does not see: SQLite's own files, which SQLite syncs at every commit (the test makes
sure of the setting), and names in folders, which a file system may lose apart from the files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests import killing
from tests.drivers import context

_SYNCED = "synced.txt"
#: Where a campaign keeps files: all but the database.
_PLACES = ("artifacts", "cache")
HOWS = ("drop", "cut", "zero")


def run_noting(folder: Path, parameters: dict[str, Any], kill_at: int) -> int:
    """Run a campaign that is killed at a point; returns its exit code."""
    child = context.Process(target=_child, args=(str(folder), parameters, kill_at))
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def cut_power(folder: Path, how: str) -> list[Path]:
    """Do to all files that were not synced what a power cut may; returns which these were."""
    noted = folder / _SYNCED
    synced = set(noted.read_text().splitlines()) if noted.exists() else set()
    files = [path for place in _PLACES for path in (folder / place).rglob("*") if path.is_file()]
    lost = [path for path in files if _identity(path.stat()) not in synced]
    for path in lost:
        size = path.stat().st_size
        if how == "drop":
            path.unlink()
        elif how == "cut":
            os.truncate(path, size // 2)
        else:
            path.write_bytes(bytes(size))
    return lost


def _identity(found: os.stat_result) -> str:
    return f"{found.st_dev} {found.st_ino} {found.st_mtime_ns} {found.st_size}"


def _child(folder: str, parameters: dict[str, Any], kill_at: int) -> None:
    note = open(f"{folder}/{_SYNCED}", "ab", buffering=0)  # noqa: SIM115 - outlives this
    real = os.fsync

    def fsync(file: Any) -> None:
        real(file)
        number = file if isinstance(file, int) else file.fileno()
        note.write(f"{_identity(os.fstat(number))}\n".encode())

    os.fsync = fsync
    killing._child(folder, parameters, kill_at)
