"""Folders for a while, which go with the process that made them.

One that was killed leaves its own behind. All that a process makes lie in one folder, whose lock it
holds; a lock goes with its process, so the next process that makes one clears what nobody holds.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

_PREFIX = "al-scratch-"
_LOCK = ".lock"
#: Locks of this process and of those that it was forked from: one that is let go unlocks for all.
_held: list[BaseFileLock] = []


def scratch_folder() -> TemporaryDirectory[str]:
    """An empty folder, which goes with the object or at the end of a `with`."""
    if not _of_process(os.getpid()).exists():  # systems clear what is old, and some processes are
        _of_process.cache_clear()
    return TemporaryDirectory(dir=_of_process(os.getpid()))


@cache
def _of_process(pid: int) -> Path:
    """The folder of this process; a forked one has another."""
    clear_left()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _lock_of(folder)
        lock.acquire()
        if (folder / _LOCK).exists():  # else it was cleared before it was locked
            break
    _held.append(lock)
    atexit.register(_leave, folder, lock, pid)
    return folder


def clear_left() -> None:
    """Delete this user's folders whose process is gone."""
    from filelock import Timeout

    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            # Somebody else's may be a trap, and one without a lock is about to be locked.
            if folder.lstat().st_uid == os.getuid() and (folder / _LOCK).exists():
                with _lock_of(folder).acquire(timeout=0):
                    shutil.rmtree(folder)


def _lock_of(folder: Path) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(folder / _LOCK)


def _leave(folder: Path, lock: BaseFileLock, pid: int) -> None:
    if pid == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
