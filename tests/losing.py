"""Engines that leave on record what they bring, and one on whose way nodes are lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from al.data import embeddings
from al.data_selector import pool_pass
from al.engine import LocalEngine
from al.engine.ray import RayEngine

#: Samples of a shard that is scored, and texts of one that is embedded: so there are several.
SHARD, PACK = 256, 24
#: What happens after so many results of the work that LOSE_IN names: a worker is held in the
#: middle of a shard, or the node of the one that is held is lost.
LOSSES = {1: ("hold",), 2: ("killed", "hold"), 3: ("cut",)}
HEAD = {2: ("head",)}


def _recorded(found: Iterable[Any], make_worker: Any) -> Iterator[tuple[str, Any]]:
    """What an engine brings, with the name of what was done; a line in the file BROUGHT each."""
    do = make_worker.make_worker.do
    name = getattr(do, "func", do).__name__
    for shard, outcome in found:
        yield name, (shard, outcome)
        with Path(os.environ["BROUGHT"]).open("a") as file:
            file.write(f"{name} {shard.number}\n")


class Recording(LocalEngine):
    """Stays here."""

    def map(self, make_worker: Any, shards: Any) -> Iterator[Any]:
        for _, found in _recorded(super().map(make_worker, shards), make_worker):
            yield found


class Losing(RayEngine):
    """Asks the process that started the driver to lose nodes, and waits until they are lost."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        pool_pass.SHARD, embeddings.PACK_OF_TEXTS = SHARD, PACK
        self._losses = HEAD if os.environ.get("LOSE") == "head" else LOSSES
        self._results, self._held = 0, ""

    def map(self, make_worker: Any, shards: Any) -> Iterator[Any]:
        for name, found in _recorded(super().map(make_worker, shards), make_worker):
            yield found
            if name == os.environ.get("LOSE_IN"):
                self._results += 1
                for event in self._losses.get(self._results, ()):
                    self._hold() if event == "hold" else self._lose(event)

    def _hold(self) -> None:
        """Stop the worker that has just brought a result: it never ends the shard it gets next."""
        at_work = [actor for actor, _ in self._busy.values()]
        self._held = next(a.says.where for a in self._actors if a.says and a not in at_work)
        os.kill(self._pid, signal.SIGSTOP)

    def _lose(self, how: str) -> None:
        if how != "head":
            assert self._held in [actor.says.where for actor, _ in self._busy.values()]
        print(f"\nLOSE {how} {self._held or '-'}", flush=True)
        sys.stdin.readline()
        if how == "cut":  # it ends its shard, and nobody hears of it
            os.kill(self._pid, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        return int(self._held.rpartition(":")[2])
