"""The engine of several processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.connection import wait
from typing import Any, TypeVar

from al.catalog import engines
from al.contracts import Engine
from al.errors import ConfigError

S = TypeVar("S")
R = TypeVar("R")


@engines.register("processes")
class ProcessEngine(Engine):
    """Runs the shards in several processes of this machine, each of which makes its worker."""

    apart = True
    options = {"workers": "how many processes; one for each core by default"}

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        super().__init__(options)
        text = self.given.get("workers", "auto")
        if text != "auto" and not (text.isdecimal() and int(text) > 0):
            raise ConfigError(
                f"workers={text!r} is not a number of processes: give 2, say, or auto"
            )
        self.workers = cores() if text == "auto" else int(text)
        self._pool: ProcessPoolExecutor | None = None
        self._others = set(multiprocessing.active_children())  # not this engine's

    def map(
        self, make_worker: Callable[[], Callable[[S], R]], shards: Iterable[S]
    ) -> Iterator[tuple[S, R]]:
        """Yield each shard with its result, as they are done."""
        made, work = pickle.dumps(make_worker), list(shards)
        if self._pool is None:
            # spawned, not forked: a fork would copy locks of threads that do not come along
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, _begin)
        futures = {self._pool.submit(_work, made, shard): shard for shard in work}
        done = False
        try:
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
            done = True
        finally:
            if not done:
                self._end()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _end(self) -> None:
        """End the processes in the middle of their work."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
        for child in set(multiprocessing.active_children()) - self._others:
            child.terminate()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# -- in the worker's process -------------------------------------------------------------------

_made: dict[bytes, Any] = {}


def _begin() -> None:
    """A worker leaves stopping to the process that began it, and ends with it, however that
    ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _work(made: bytes, shard: Any) -> Any:
    if made not in _made:
        _made.clear()
        _made[made] = pickle.loads(made)()
    return _made[made](shard)
