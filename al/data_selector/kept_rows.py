"""Rows of numbers on disk, by shards that are whole or not there."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from al.whole import whole_file

#: Bytes from which an array that was gathered lies in a file and not in memory.
LARGE = 1 << 26


class KeptRows:
    """One output on disk: rows of one shape, and a journal of the shards that are there.

    A line of the journal has a shard's number and checksum and is written after the rows, so
    that a shard counts only when it is whole, after a power cut as well.

    Args:
        total: rows in all.
        shard: rows in a shard.
    """

    def __init__(self, folder: Path, name: str, total: int, shard: int) -> None:
        self.shard_size = shard
        self._file, self._journal = folder / f"{name}.bin", folder / f"{name}.journal"
        self._total = total
        self.shape: tuple[int, ...] | None = None
        self._kind = np.dtype(np.float32)
        self._done: set[int] = set()
        if self._journal.exists():
            self._recall()

    def _recall(self) -> None:
        """Take over the shards that are whole."""
        lines = self._journal.read_text(errors="replace").split("\n")
        try:
            head = json.loads(lines[0])
            self.shape, self._kind = tuple(head["shape"]), np.dtype(head["dtype"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        for line in lines[1:-1]:
            number, _, checksum = line.partition(" ")
            try:
                shard = int(number)
                if zlib.crc32(self._window(shard).tobytes()) == int(checksum, 16):
                    self._done.add(shard)
            except (ValueError, OSError):
                continue

    def has(self, shard: int) -> bool:
        return shard in self._done

    def write(self, shard: int, rows: np.ndarray) -> None:
        """Keep a shard's rows."""
        if self.shape is None:
            self.shape, self._kind = rows.shape[1:], rows.dtype
            head = json.dumps({"shape": self.shape, "dtype": self._kind.str})
            with whole_file(self._journal) as file:
                file.write(f"{head}\n".encode())
        content = np.ascontiguousarray(rows, dtype=self._kind).tobytes()
        with self._file.open("r+b" if self._file.exists() else "w+b") as file:
            file.seek(shard * self.shard_size * self._width)
            file.write(content)
        with self._journal.open("ab") as file:
            file.write(f"{shard} {zlib.crc32(content):08x}\n".encode())
        self._done.add(shard)

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Some rows, which ascend, in one array."""
        assert self.shape is not None
        whole = self._scratch(len(rows))
        size = self.shard_size
        cuts = np.searchsorted(rows, np.arange(rows[0] // size, rows[-1] // size + 2) * size)
        for start, stop in pairwise(cuts):
            if start < stop:
                shard = int(rows[start]) // size
                whole[start:stop] = self._window(shard)[rows[start:stop] - shard * size]
        return whole

    def _scratch(self, count: int) -> np.ndarray:
        """Room for rows, as float32; much room lies in a file that is gone when the array is."""
        assert self.shape is not None
        shape = (count, *self.shape)
        size = 4 * int(np.prod(shape, dtype=np.int64))
        if size < LARGE:
            return np.empty(shape, np.float32)
        with TemporaryFile(dir=self._file.parent) as file:
            if hasattr(os, "posix_fallocate"):  # a disk that is full says so here, not later
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, np.float32, "w+", shape=shape)

    def _window(self, shard: int) -> np.ndarray:
        assert self.shape is not None
        count = min(self.shard_size, self._total - shard * self.shard_size)
        with self._file.open("rb") as file:
            file.seek(shard * self.shard_size * self._width)
            content = file.read(count * self._width)
        return np.frombuffer(content, self._kind).reshape(count, *self.shape)

    @property
    def _width(self) -> int:
        assert self.shape is not None
        return int(np.prod(self.shape, dtype=np.int64)) * self._kind.itemsize


class Inherited:
    """Rows of another pass by sample id."""

    def __init__(self, ids: Sequence[str], same: Sequence[bool], output: KeptRows) -> None:
        self._row = {
            id: row
            for row, id in enumerate(ids)
            if same[row] and output.has(row // output.shard_size)
        }
        self._output = output

    def __contains__(self, id: str) -> bool:
        return id in self._row

    def filled(
        self, ids: Sequence[str], fresh: Sequence[str], rows: np.ndarray | None
    ) -> np.ndarray:
        """The rows of `ids`: those of `fresh` as given, the others from here."""
        new = set(fresh)
        known = np.array(sorted(self._row[id] for id in ids if id not in new))
        old = self._output.rows(known)
        whole = np.empty((len(ids), *old.shape[1:]), old.dtype)
        is_new = np.array([id in new for id in ids])
        place = {row: position for position, row in enumerate(known.tolist())}
        whole[~is_new] = old[[place[self._row[id]] for id in ids if id not in new]]
        if rows is not None:
            whole[is_new] = rows
        return whole
