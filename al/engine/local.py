"""The engine that stays here: a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from al.catalog import engines
from al.contracts import Engine

S = TypeVar("S")
R = TypeVar("R")


@engines.register("local")
class LocalEngine(Engine):
    """Runs the shards one after the other in this process."""

    def map(
        self, make_worker: Callable[[], Callable[[S], R]], shards: Iterable[S]
    ) -> Iterator[tuple[S, R]]:
        """Yield each shard with its result; the worker is made once."""
        worker = make_worker()
        for shard in shards:
            yield shard, worker(shard)
