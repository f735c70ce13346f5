"""What surviving costs a cycle that nothing happens to: cycles with and without, in turns.

Left out in every other cycle: the sign of life and the check before each call, the look for
samples that came or went and its record, the history of promotions, the stop rules, and the
files that training resumes from.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import al.pipeline.select_data
from al.pipeline.cycle import Cycle, stop_reason
from al.pipeline.select_data import PoolOnRecord
from al.pipeline.session import Session
from al.registry.promotions import Promotions
from al.tracking import Checkpoints, Run
from al.tracking.connection import Connection
from benchmarks.common import Row
from benchmarks.profiling import pipeline_cycle


def _nothing(*_: Any, **__: Any) -> None:
    """In the place of a safeguard."""


def _pool_unseen(cycle: Cycle, run: Run) -> PoolOnRecord:
    """What is on record of the pool is handed on, as if it could not have changed."""
    seen = cycle.session.seen
    assert seen is not None  # the first cycles are not timed
    return PoolOnRecord({key: seen.tags[key] for key in ("al.train_digest", "al.train_ids")}, {})


@contextmanager
def _without(session: Session) -> Iterator[None]:
    """While open, the campaign runs unprotected."""
    client = session.store.client

    def resume_is_not_kept(self: Connection, name: str) -> Any:
        method = getattr(self.raw, name)
        return _nothing if name == "log_artifact" else method

    places: list[tuple[Any, str, Any]] = [
        (Connection, "__getattr__", resume_is_not_kept),
        (Connection, "make", lambda self, call, found=None: call()),
        (Session, "look_again", _nothing),
        (Session, "save_promotions", _nothing),
        (Promotions, "note", _nothing),
        (Checkpoints, "forget", _nothing),
        (al.pipeline.select_data, "_look_at_pool", _pool_unseen),
    ]
    with ExitStack() as stack:
        stack.enter_context(patch.object(client, "check", _nothing))
        for owner, name, instead in places:
            stack.enter_context(patch.object(owner, name, instead))
        yield


def cost(session: Session, pairs: int) -> Row:
    """Median ratio of a protected cycle to an unprotected one, pair by pair.

    In CPU seconds of this process as well, which tell more where the machine is shared.
    """
    ratios, of_cpu, seconds = [], [], []
    for number in range(pairs):
        took = {}
        for safe in (number % 2 == 0, number % 2 == 1):
            start = time.perf_counter(), time.process_time()
            if safe:
                pipeline_cycle(session)
                stop_reason(session)
            else:
                with _without(session):
                    pipeline_cycle(session)
            took[safe] = time.perf_counter() - start[0], time.process_time() - start[1]
        ratios.append(took[True][0] / took[False][0])
        of_cpu.append(took[True][1] / took[False][1])
        seconds.append(took[True][0] - took[False][0])
    return {
        "task": session.config.task,
        "cost s": statistics.median(seconds),
        "ratio": statistics.median(ratios),
        "ratios": f"{min(ratios):.3f} … {max(ratios):.3f}",
        "ratio of CPU": statistics.median(of_cpu),
    }
