"""An engine of worker processes, as a user may write one: tests.process_engine:ProcessEngine."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, ClassVar

from al.contracts import Engine
from tests.drivers import context


class ProcessEngine(Engine):
    """Processes that make their workers from a pickle and take shards in no order."""

    options = {"workers": "how many"}
    #: Shards that were worked at, by which processes; bytes of what workers are made from.
    shards: ClassVar[int] = 0
    pids: ClassVar[set[int]] = set()
    largest: ClassVar[int] = 0

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._pool: ProcessPoolExecutor | None = None

    @classmethod
    def forget(cls) -> None:
        """Count from the start."""
        cls.shards, cls.largest, cls.pids = 0, 0, set()

    def map(self, make_worker: Any, shards: Any) -> Iterator[Any]:
        made, kind = pickle.dumps(make_worker), type(self)
        kind.largest = max(kind.largest, len(made))
        workers = int(self.given.get("workers", 2))
        self._pool = self._pool or ProcessPoolExecutor(workers, mp_context=context)
        mixed = random.Random(0).sample(shards, len(shards))
        for done in as_completed([self._pool.submit(_worked, made, shard) for shard in mixed]):
            shard, found, pid = done.result()
            kind.shards += 1
            kind.pids.add(pid)
            yield shard, found

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


_workers: dict[bytes, Any] = {}


def _worked(made: bytes, shard: Any) -> tuple[Any, Any, int]:
    if made not in _workers:
        _workers.clear()
        _workers[made] = pickle.loads(made)()
    return shard, _workers[made](shard), os.getpid()
