"""The folder in which passes are kept for later, and how it stays within its bounds."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from al.kept import cache_folder


def passes_folder() -> Path:
    """Where passes are kept."""
    return cache_folder("passes")


def trim(root: Path, limit: int) -> int:
    """Delete the passes used longest ago until the rest fits into `limit` bytes.

    Passes that a process works with stay. Returns the bytes that are left.
    """
    found = [f for key in folders_in(root) for f in folders_in(key)]
    sizes = {folder: size_of(folder) for folder in sorted(found, key=age_of)}
    total = sum(sizes.values())
    for folder, size in sizes.items():
        if total <= limit:
            break
        with suppress(OSError):  # another process was quicker, or it may not be deleted
            lock = locked(folder)
            if lock is None:
                continue
            shutil.rmtree(folder)
            lock.release()
            total -= size
            folder.parent.rmdir()  # where this was its last pass
    return total


def locked(folder: Path) -> BaseFileLock | None:
    """A lock on the folder until it is released; None where another holds it."""
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def folders_in(path: Path) -> list[Path]:
    """The folders in a folder; none where it is not there."""
    return [child for child in path.iterdir() if child.is_dir()] if path.is_dir() else []


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # gone meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total


def age_of(folder: Path) -> float:
    """When a folder was last used; 0 where it is gone."""
    try:
        return folder.stat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0
