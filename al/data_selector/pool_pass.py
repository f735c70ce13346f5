"""One pass of a model over the training samples, kept on disk.

What a strategy reads of the model is computed together, shard by shard, and written to flat
files that are read through windows: memory does not grow with the pool, a scoring that was
killed goes on where it stopped, and other strategies of the same model find it done.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from filelock import BaseFileLock

from al.contracts import DataLoader, Engine, Graph
from al.data_selector.brought import Share, bring, brought, forget, is_brought
from al.data_selector.cache import folders_in, locked
from al.data_selector.kept_rows import Inherited, KeptRows
from al.data_selector.pass_samples import read_samples, samples_digest, write_samples
from al.engine import Here, Made, Recipe, WorkerOf, spread
from al.errors import DataError
from al.kept import size_of, used_at
from al.progress import bar
from al.scratch import scratch_folder

_log = logging.getLogger(__name__)

#: Samples scored as one piece of work, and batches inside it. Both are fixed, and shards
#: are cut from all training ids rather than from the pool, because moving a batch boundary
#: changes the last bits of scores, and with them the query.
SHARD, BATCH = 4096, 256
#: On-disk format; other versions are ignored.
FORMAT = 2
#: File that says which samples the rows are of.
SAMPLES = "samples.jsonl"


@dataclass(frozen=True)
class Model:
    """A graph, and what tells it from others.

    Attributes:
        key: identity of its weights and of all that its outputs depend on.
        seed: of its stochastic passes.
        recipe: makes graph and data elsewhere; without one they stay here.
    """

    graph: Graph
    key: str
    seed: int
    recipe: Recipe | None = None


class PoolPass:
    """A model's outputs for all training samples.

    Args:
        root: folder of all passes; a private one that goes with the object where it is None.
        passes: T, of "samples".
        half: keep embeddings as float16.
        precision: that the model computes in, "float32" or "bfloat16".
        share: of the shards, which alone is made, for whoever works with the pass; by processes
            beside each other, for each share one.

    Raises:
        DataError: another process makes that share.
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
        precision: str = "float32",
        share: Share | None = None,
    ) -> None:
        self._data, self._engine, self._share = data, engine, share
        self._make_worker = WorkerOf(
            model.recipe or Here(Made(model.graph, data)),
            partial(
                _scored,
                passes=passes,
                seed=model.seed,
                half=half,
                precision=precision,
                batch_size=BATCH,
            ),
        )
        self._train = data.ids("train")
        self._outputs: dict[str, KeptRows] = {}
        what = [FORMAT, torch.__version__, model.key, model.seed, passes, half, SHARD, BATCH]
        what += [] if precision == "float32" else [precision]
        key = f"{model.key[:24]}-{zlib.crc32(json.dumps(what).encode()):08x}"
        self._lock: BaseFileLock | None = None
        self._held: dict[Path, BaseFileLock] = {}  # of older passes that rows are taken from
        self._private: TemporaryDirectory[str] | None = None
        if root is not None:
            self._folder = root / key / samples_digest(data)
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._lock = share.taken(self._folder) if share else locked(self._folder)
                if self._lock is not None:
                    os.utime(self._folder)  # used now: trimmed last
            except OSError as error:
                _log.warning(
                    f"{root} cannot be written ({error.strerror}): scores are not kept for later"
                )
        if self._lock is None:  # none wanted, or another process is at it: work aside
            self._private = scratch_folder()
            self._folder = Path(self._private.name)

    def close(self) -> None:
        """Let others work with the files."""
        for lock in (*self._held.values(), self._lock):
            if lock is not None:
                lock.release()
        if self._private is not None:
            self._private.cleanup()

    @property
    def size(self) -> int:
        """Size on disk."""
        return size_of(self._folder)

    def ensure(self, names: Sequence[str], rows: np.ndarray) -> None:
        """Compute what is missing of some outputs, together, for the shards of some rows."""
        names = sorted(set(names))
        shards = np.unique(rows // SHARD)
        missing = {s: [n for n in names if not self._output(n).has(s)] for s in shards.tolist()}
        missing = self._left(missing)
        if not missing:
            return
        older = self._inherited(names) if self._share is None else None
        left = {}
        for shard, wanted in missing.items():
            ids = self._ids(shard)
            if older is not None:
                ids = tuple(id for id in ids if not all(id in older[name] for name in wanted))
            left[shard] = ids
        work = [(shard, tuple(missing[shard]), left[shard]) for shard in missing]
        total = sum(map(len, left.values()))
        with bar(desc=f"score ({', '.join(names)})", total=total, unit="sample") as progress:
            for (shard, asked, fresh), found in spread(self._engine, self._make_worker, work):
                for name in asked:
                    whole = found.get(name)
                    if len(fresh) < len(self._ids(shard)):
                        assert older is not None
                        whole = older[name].filled(self._ids(shard), fresh, whole)
                    assert whole is not None
                    with self._writing():
                        if self._share is None:
                            self._output(name).write(shard, whole)
                        else:
                            bring(self._folder, name, shard, whole)
                progress.update(len(fresh))
                progress.set_postfix_str(self._engine.at_work, refresh=False)

    def _left(self, missing: Mapping[int, list[str]]) -> dict[int, list[str]]:
        """What has to be computed; what others have brought is taken in."""
        left: dict[int, list[str]] = {}
        for shard, names in missing.items():
            if self._share is not None and shard not in self._share:
                continue
            wanted = [name for name in names if not self._brought(name, shard)]
            if wanted:
                left[shard] = wanted
        return left

    def _brought(self, name: str, shard: int) -> bool:
        """Whether another process has brought a shard, which is kept from then on."""
        if self._private is not None or not is_brought(self._folder, name, shard):
            return False
        rows = brought(self._folder, name, shard, len(self._ids(shard)))
        if rows is None or self._share is not None:
            return rows is not None
        output = self._output(name)
        if output.shape not in (None, rows.shape[1:]):
            return False
        self._say_samples()
        with self._writing():
            output.write(shard, rows)
        forget(self._folder, name, shard)
        return True

    def read(self, name: str, rows: np.ndarray) -> np.ndarray:
        """One output for some training rows, which ascend; large ones lie in a file."""
        self.ensure([name], rows)
        with self._writing():
            return self._output(name).rows(rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"scores cannot be written to {self._folder} ({error.strerror}): free space there, "
                "or set AL_CACHE_DIR to another folder"
            ) from error

    def _output(self, name: str) -> KeptRows:
        if name not in self._outputs:
            self._outputs[name] = KeptRows(self._folder, name, len(self._train), SHARD)
        return self._outputs[name]

    def _ids(self, shard: int) -> tuple[str, ...]:
        return self._train[shard * SHARD : (shard + 1) * SHARD]

    def _say_samples(self) -> None:
        """Leave beside the rows which samples they are of, for passes over others."""
        if not (self._folder / SAMPLES).exists():
            with self._writing():
                write_samples(self._folder / SAMPLES, self._data)

    def _inherited(self, names: Sequence[str]) -> dict[str, Inherited] | None:
        """What an older pass of the same model, over fewer or other samples, has of these.

        Only the rows that are new to a pool that grew, or that changed, are computed. They
        come in other batches than in a pass over all, so their last bits may differ from it.
        """
        if self._private is not None:
            return None
        self._say_samples()
        others = sorted(folders_in(self._folder.parent), key=used_at, reverse=True)
        for folder in others:
            if folder == self._folder:
                continue
            lock = self._held.get(folder) or locked(folder)
            if lock is None:
                continue  # another process works with it
            try:
                ids, prints = read_samples(folder / SAMPLES)
                outputs = {name: KeptRows(folder, name, len(ids), SHARD) for name in names}
            except (OSError, ValueError, RecursionError):
                lock.release()
                continue
            if all(output.shape is not None for output in outputs.values()):
                self._held[folder] = lock
                now = dict(zip(*read_samples(self._folder / SAMPLES), strict=True))
                same = [now.get(id) == mark for id, mark in zip(ids, prints, strict=True)]
                return {name: Inherited(ids, same, output) for name, output in outputs.items()}
            lock.release()
        return None


def _scored(
    made: Made,
    piece: tuple[int, tuple[str, ...], tuple[str, ...]],
    *,
    passes: int,
    seed: int,
    half: bool,
    precision: str,
    batch_size: int,
) -> dict[str, np.ndarray]:
    """What is wanted of a shard, as it is kept."""
    _, wanted, ids = piece
    if not ids:
        return {}
    size = len(ids) if made.graph.alone else batch_size
    device = getattr(made.graph, "device", torch.device("cpu"))
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        parts = [
            made.graph.infer(batch, wanted, samples=passes, seed=seed)
            for batch in made.data.batches(ids, batch_size=size)
        ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
    for name, array in found.items():
        kind = np.float16 if half and name == "embeddings" else np.float32
        found[name] = np.ascontiguousarray(array, dtype=kind)
    return found
