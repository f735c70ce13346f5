"""The folder in which passes are kept for later, and how it stays within its bounds."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from al.data_selector.brought import BROUGHT, LOCK
from al.kept import cache_folder, trim


def passes_folder() -> Path:
    """Where passes are kept."""
    return cache_folder("passes")


def trim_passes(root: Path, limit: int) -> int:
    """Delete the passes used longest ago until the rest fits into `limit` bytes.

    Passes that a process works with stay. Returns the bytes that are left.
    """
    return trim((folder for key in folders_in(root) for folder in folders_in(key)), limit, _delete)


def _delete(folder: Path) -> bool:
    held: list[BaseFileLock] = []
    try:
        with suppress(OSError):  # another process was quicker, or it may not be deleted
            # its own, and those of shares that other processes make
            for file in (folder / LOCK, *folder.glob(f"{BROUGHT}/{LOCK}-*")):
                if (lock := _held(file)) is None:
                    return False
                held.append(lock)
            shutil.rmtree(folder)
    finally:
        for lock in held:
            lock.release()
    with suppress(OSError):
        folder.parent.rmdir()  # where this was its last pass
    return not folder.exists()


def locked(folder: Path) -> BaseFileLock | None:
    """A lock on the folder until it is released; None where another holds it."""
    return _held(folder / LOCK)


def _held(file: Path) -> BaseFileLock | None:
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def folders_in(path: Path) -> list[Path]:
    """The folders in a folder; none where it is not there."""
    return [child for child in path.iterdir() if child.is_dir()] if path.is_dir() else []
