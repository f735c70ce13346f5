"""Files that only grow, a line of JSON each: added to safely, and read as they grow.

A line that a killed process left half written was never confirmed to anyone: readers pass over
it, and the next writer cuts it off.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from al.errors import DataError


class Lines:
    """The whole lines of a file; each is read and understood once, whatever thread asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._end, self._last = 0, b""
        self._found: tuple[dict[str, Any], ...] = ()

    def __call__(self) -> Sequence[dict[str, Any]]:
        """The lines that are whole by now; the same object as long as there are no others.

        Raises:
            DataError: one is damaged.
        """
        with self._lock:
            try:
                with open(self.path, "rb") as file:
                    file.seek(max(0, self._end - len(self._last)))
                    if file.read(len(self._last)) != self._last:  # another file, or a restored one
                        self._forget()
                        file.seek(0)
                    new = file.read()
            except FileNotFoundError:
                self._forget()
                return ()
            whole = new.split(b"\n")[:-1]
            if whole:
                before = len(self._found)
                read = (self._read(line, before + n) for n, line in enumerate(whole, start=1))
                self._found = (*self._found, *read)
                self._last = whole[-1] + b"\n"
                self._end += sum(len(line) + 1 for line in whole)
            return self._found

    def _forget(self) -> None:
        self._end, self._last, self._found = 0, b"", ()

    def _read(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            return dict(json.loads(line.decode("utf-8")))
        except (TypeError, ValueError, RecursionError):
            raise DataError(f"{self.path} is damaged in line {number}: restore it") from None


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line, which is on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with open(path, "ab+", opener=_own) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        if file.read(1) not in (b"\n", b""):
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        file.write(json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if new:  # names are on disk when their folders are: of the file, its folder and the one above
        for folder in path.absolute().parents[:3]:
            with suppress(PermissionError):  # one that this user did not make
                number = os.open(folder, os.O_RDONLY)
                os.fsync(number)
                os.close(number)


def _own(path: str, flags: int) -> int:
    """A file for this user and the group, less what the umask takes away; answers are theirs."""
    return os.open(path, flags, 0o660)
