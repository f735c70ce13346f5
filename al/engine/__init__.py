"""The one place where work leaves the process. Here it does not go far: a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

S = TypeVar("S")
R = TypeVar("R")

__all__ = ["LocalEngine"]


class LocalEngine:
    """Runs the shards one after the other in this process."""

    def map(
        self, make_worker: Callable[[], Callable[[S], R]], shards: Iterable[S]
    ) -> Iterator[tuple[S, R]]:
        """Yield each shard with its result; the worker is made once."""
        worker = make_worker()
        for shard in shards:
            yield shard, worker(shard)
