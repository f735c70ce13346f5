"""One pass of a model over the training samples, kept on disk.

What a strategy reads of the model is computed together, shard by shard, and written to flat
files that are read through windows: memory does not grow with the pool, a scoring that was
killed goes on where it stopped, and other strategies of the same model find it done.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np
import torch
from filelock import BaseFileLock, FileLock, Timeout

from al.contracts import DataLoader, Engine, Graph
from al.errors import ConfigError, DataError
from al.progress import bar, say
from al.state import ids_digest

#: Samples scored as one piece of work, and batches inside it. Both are fixed, and shards
#: are cut from all training ids rather than from the pool, because moving a batch boundary
#: changes the last bits of scores, and with them the query.
SHARD, BATCH = 4096, 256
#: Of what lies on disk; another one is never read.
FORMAT = 1
#: Bytes from which an array that was gathered lies in a file and not in memory.
_LARGE = 1 << 26


@dataclass(frozen=True)
class Model:
    """A graph, and what tells it from others.

    Attributes:
        key: identity of its weights and of all that its outputs depend on.
        seed: of its stochastic passes.
    """

    graph: Graph
    key: str
    seed: int


class PoolPass:
    """A model's outputs for all training samples.

    Args:
        root: folder of all passes; a private one that goes with the object where it is None.
        passes: T, of "samples".
        half: keep embeddings as float16.
    """

    def __init__(
        self,
        root: Path | None,
        model: Model,
        data: DataLoader,
        engine: Engine,
        *,
        passes: int,
        half: bool = False,
    ) -> None:
        self._model, self._data, self._engine = model, data, engine
        self._passes, self._half = passes, half
        self._train = data.ids("train")
        self._shards = -(-len(self._train) // SHARD)
        self._outputs: dict[str, _Output] = {}
        self._prints = data.fingerprints(self._train)
        what = [FORMAT, torch.__version__, model.key, model.seed, passes, half, SHARD, BATCH]
        key = f"{model.key[:24]}-{zlib.crc32(json.dumps(what).encode()):08x}"
        self._lock: BaseFileLock | None = None
        self._held: dict[Path, BaseFileLock] = {}  # of older passes that rows are taken from
        self._private: TemporaryDirectory[str] | None = None
        if root is not None:
            samples = map(" ".join, zip(self._train, self._prints, strict=True))
            self._folder = root / key / ids_digest(samples)[:16]
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._lock = _locked(self._folder)
                if self._lock is not None:
                    os.utime(self._folder)  # used now: trimmed last
            except OSError as error:
                say(f"{root} cannot be written ({error.strerror}): scores are not kept for later")
        if self._lock is None:  # none wanted, or another process is at it: work aside
            self._private = TemporaryDirectory(prefix="al-pass-")
            self._folder = Path(self._private.name)

    def close(self) -> None:
        """Let others work with the files."""
        for lock in (*self._held.values(), self._lock):
            if lock is not None:
                lock.release()
        if self._private is not None:
            self._private.cleanup()

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return _size(self._folder)

    def ensure(self, names: Sequence[str], rows: np.ndarray) -> None:
        """Compute what is missing of some outputs, together, for the shards of some rows."""
        names = sorted(set(names))
        shards = np.unique(rows // SHARD)
        missing = {s: [n for n in names if not self._output(n).has(s)] for s in shards.tolist()}
        missing = {shard: wanted for shard, wanted in missing.items() if wanted}
        if not missing:
            return
        older = self._inherited(names)
        left = {}
        for shard, wanted in missing.items():
            ids = self._ids(shard)
            known = {id for id in ids if older is not None and all(id in older[n] for n in wanted)}
            left[shard] = tuple(id for id in ids if id not in known)
        work = [(shard, tuple(missing[shard]), left[shard]) for shard in missing]
        total = sum(map(len, left.values()))
        with bar(desc=f"score ({', '.join(names)})", total=total, unit="sample") as progress:
            for (shard, asked, fresh), found in self._engine.map(self._make_worker, work):
                for name in asked:
                    whole = found.get(name)
                    if len(fresh) < len(self._ids(shard)):
                        assert older is not None
                        whole = older[name].filled(self._ids(shard), fresh, whole)
                    assert whole is not None
                    with self._writing():
                        self._output(name).write(shard, whole)
                progress.update(len(fresh))

    def read(self, name: str, rows: np.ndarray) -> np.ndarray:
        """One output for some training rows, which ascend; large ones lie in a file."""
        self.ensure([name], rows)
        with self._writing():
            return self._output(name).rows(rows)

    def _make_worker(
        self,
    ) -> Callable[[tuple[int, tuple[str, ...], tuple[str, ...]]], dict[str, np.ndarray]]:
        graph, data, seed = self._model.graph, self._data, self._model.seed
        passes, half = self._passes, self._half

        def work(piece: tuple[int, tuple[str, ...], tuple[str, ...]]) -> dict[str, np.ndarray]:
            _, wanted, ids = piece
            if not ids:
                return {}
            parts = [
                graph.infer(batch, wanted, samples=passes, seed=seed)
                for batch in data.batches(ids, batch_size=BATCH)
            ]
            found = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
            for name, array in found.items():
                kind = np.float16 if half and name == "embeddings" else np.float32
                found[name] = np.ascontiguousarray(array, dtype=kind)
            return found

        return work

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"scores cannot be written to {self._folder} ({error.strerror}): free space there, "
                "or set AL_CACHE_DIR to another folder"
            ) from error

    def _output(self, name: str) -> _Output:
        if name not in self._outputs:
            self._outputs[name] = _Output(self._folder, name, len(self._train))
        return self._outputs[name]

    def _ids(self, shard: int) -> tuple[str, ...]:
        return self._train[shard * SHARD : (shard + 1) * SHARD]

    def _inherited(self, names: Sequence[str]) -> dict[str, _Inherited] | None:
        """What an older pass of the same model, over fewer or other samples, has of these.

        Only the rows that are new to a pool that grew, or that changed, are computed. They
        come in other batches than in a pass over all, so their last bits may differ from it.
        """
        if not (self._folder / "samples.json").exists():
            content = json.dumps([self._train, list(self._prints)])
            with self._writing():
                _write(self._folder / "samples.json", content.encode())
        if self._private is not None:
            return None
        others = sorted(_folders(self._folder.parent), key=_age, reverse=True)
        for folder in others:
            if folder == self._folder:
                continue
            lock = self._held.get(folder) or _locked(folder)
            if lock is None:
                continue  # another process works with it
            try:
                ids, prints = json.loads((folder / "samples.json").read_bytes())
                outputs = {name: _Output(folder, name, len(ids)) for name in names}
            except (OSError, ValueError):
                lock.release()
                continue
            if all(output.shape is not None for output in outputs.values()):
                self._held[folder] = lock
                now = dict(zip(self._train, self._prints, strict=True))
                same = [now.get(id) == mark for id, mark in zip(ids, prints, strict=True)]
                return {name: _Inherited(ids, same, output) for name, output in outputs.items()}
            lock.release()
        return None


class _Output:
    """One output on disk: rows of one shape, and a journal of the shards that are there.

    A line of the journal has a shard's number and checksum and is written after the rows, so
    that a shard counts only when it is whole, after a power cut as well.
    """

    def __init__(self, folder: Path, name: str, total: int) -> None:
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
        except (ValueError, KeyError, TypeError):
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
            _write(self._journal, f"{head}\n".encode())
        content = np.ascontiguousarray(rows, dtype=self._kind).tobytes()
        with self._file.open("r+b" if self._file.exists() else "w+b") as file:
            file.seek(shard * SHARD * self._width)
            file.write(content)
        with self._journal.open("ab") as file:
            file.write(f"{shard} {zlib.crc32(content):08x}\n".encode())
        self._done.add(shard)

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Some rows, which ascend, in one array."""
        assert self.shape is not None
        whole = self._scratch(len(rows))
        cuts = np.searchsorted(rows, np.arange(rows[0] // SHARD, rows[-1] // SHARD + 2) * SHARD)
        for start, stop in pairwise(cuts):
            if start < stop:
                shard = int(rows[start]) // SHARD
                whole[start:stop] = self._window(shard)[rows[start:stop] - shard * SHARD]
        return whole

    def _scratch(self, count: int) -> np.ndarray:
        """Room for rows, as float32; much room lies in a file that is gone when the array is."""
        assert self.shape is not None
        shape = (count, *self.shape)
        size = 4 * int(np.prod(shape, dtype=np.int64))
        if size < _LARGE:
            return np.empty(shape, np.float32)
        with TemporaryFile(dir=self._file.parent) as file:
            if hasattr(os, "posix_fallocate"):  # a disk that is full says so here, not later
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, np.float32, "w+", shape=shape)

    def _window(self, shard: int) -> np.ndarray:
        assert self.shape is not None
        count = min(SHARD, self._total - shard * SHARD)
        with self._file.open("rb") as file:
            file.seek(shard * SHARD * self._width)
            content = file.read(count * self._width)
        return np.frombuffer(content, self._kind).reshape(count, *self.shape)

    @property
    def _width(self) -> int:
        assert self.shape is not None
        return int(np.prod(self.shape, dtype=np.int64)) * self._kind.itemsize


class _Inherited:
    """Rows of another pass by sample id."""

    def __init__(self, ids: Sequence[str], same: Sequence[bool], output: _Output) -> None:
        self._row = {
            id: row for row, id in enumerate(ids) if same[row] and output.has(row // SHARD)
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


def passes_folder() -> Path:
    """Where passes are kept: `$AL_CACHE_DIR`, or the user's cache."""
    import pooch

    return Path(os.environ.get("AL_CACHE_DIR") or pooch.os_cache("active-learning-pipeline")) / (
        "passes"
    )


def passes_limit() -> int:
    """Bytes that kept passes may take: `$AL_CACHE_GB`, 10 by default.

    Raises:
        ConfigError: it is no number.
    """
    given = os.environ.get("AL_CACHE_GB", "10")
    try:
        limit = float(given)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < math.inf:
        raise ConfigError(f"AL_CACHE_GB={given!r} is no size: give gigabytes, like 10")
    return int(limit * 1e9)


def trim(root: Path, limit: int) -> int:
    """Delete the passes used longest ago until the rest fits into `limit` bytes.

    Passes that a process works with stay. Returns the bytes that are left.
    """
    folders = [f for key in _folders(root) for f in _folders(key)]
    sizes = {folder: _size(folder) for folder in sorted(folders, key=_age)}
    total = sum(sizes.values())
    for folder, size in sizes.items():
        if total <= limit:
            break
        with suppress(OSError):  # another process was quicker, or it may not be deleted
            lock = _locked(folder)
            if lock is None:
                continue
            shutil.rmtree(folder)
            lock.release()
            total -= size
            folder.parent.rmdir()  # where this was its last pass
    return total


def _locked(folder: Path) -> BaseFileLock | None:
    """A lock on the folder until it is released; None where another holds it."""
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _write(path: Path, content: bytes) -> None:
    """Write aside and rename, so that the file is whole or not there."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(path)


def _folders(path: Path) -> list[Path]:
    return [child for child in path.iterdir() if child.is_dir()] if path.is_dir() else []


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # gone meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0
