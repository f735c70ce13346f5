"""Rows of a pass that other processes have made beside it, on storage that all of them see.

Each shard is a file of its own, written aside and renamed, so nobody has to wait for anybody:
whoever works with the pass takes in what has been brought. Which process makes which shards is
fixed beforehand, as "3/8"; that no two make the same is held by a lock on the share.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import BaseFileLock, FileLock, Timeout

from al.errors import ConfigError, DataError
from al.whole import whole_file

#: Folder of what has been brought, in that of the pass.
BROUGHT = "brought"
#: How names of lock files begin.
LOCK = "lock"


class Share(NamedTuple):
    """One of so many shares of all shards, counted from 0."""

    number: int
    of: int

    @classmethod
    def read(cls, text: str) -> Share:
        """A share like "3/8".

        Raises:
            ConfigError: it is none.
        """
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        share = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if share.number >= share.of:
            raise ConfigError(f"shard={text!r} is not a share: give 0/8, …, 7/8 to eight processes")
        return share

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def __contains__(self, shard: object) -> bool:
        return isinstance(shard, int) and shard % self.of == self.number

    def meets(self, other: Share) -> bool:
        """Whether some shard is in both: where their numbers agree modulo gcd of the counts."""
        return (self.number - other.number) % math.gcd(self.of, other.of) == 0

    def taken(self, folder: Path) -> BaseFileLock:
        """The right to make this share's shards of a pass, until it is released.

        Raises:
            DataError: another process has it, or a share of another count that meets it.
        """
        where = folder / BROUGHT
        where.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._lock(where))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise DataError(
                f"another process scores share {self} of this pool already: let it end, or give "
                "another share"
            ) from None
        for other in self._met(where):  # after its own lock: of two that begin, one sees the other
            try:
                FileLock(other._lock(where)).acquire(timeout=0).lock.release()
            except Timeout:
                lock.release()
                raise DataError(
                    f"another process scores share {other} of this pool, which has shards of "
                    f"{self}: let it end, or part the pool into {other.of} shares everywhere"
                ) from None
        return lock

    def _lock(self, where: Path) -> Path:
        return where / f"{LOCK}-{self.number}-of-{self.of}"

    def _met(self, where: Path) -> list[Share]:
        """Other shares that were once taken in a folder and meet this one."""
        names = [path.name.split("-")[-3:] for path in where.glob(f"{LOCK}-*-of-*")]
        shares = [Share(int(number), int(of)) for number, _, of in names]
        return sorted(share for share in shares if share != self and self.meets(share))


def bring(folder: Path, name: str, shard: int, rows: np.ndarray) -> None:
    """Leave a shard's rows of one output for who works with the pass."""
    content = np.ascontiguousarray(rows).tobytes()
    head = {"shape": rows.shape, "dtype": rows.dtype.str, "crc": zlib.crc32(content)}
    with whole_file(_path(folder, name, shard)) as file:
        file.write(json.dumps(head).encode() + b"\n" + content)


def brought(folder: Path, name: str, shard: int, count: int) -> np.ndarray | None:
    """What has been brought of a shard of so many rows; None where that is nothing whole."""
    try:
        head, _, content = _path(folder, name, shard).read_bytes().partition(b"\n")
        header = json.loads(head)
        rows = np.frombuffer(content, np.dtype(header["dtype"])).reshape(header["shape"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return rows if len(rows) == count and zlib.crc32(content) == header["crc"] else None


def is_brought(folder: Path, name: str, shard: int) -> bool:
    """Whether somebody has brought a shard."""
    return _path(folder, name, shard).exists()


def forget(folder: Path, name: str, shard: int) -> None:
    """Remove what was brought, once it is kept otherwise."""
    with suppress(OSError):
        _path(folder, name, shard).unlink()


def _path(folder: Path, name: str, shard: int) -> Path:
    return folder / BROUGHT / f"{name}-{shard:08d}"
