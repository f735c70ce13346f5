"""What surviving costs a cycle that nothing happens to: measured in place, and by turns.

In place, the safeguards' own seconds are added up in whole cycles, which tells little costs
from the noise of a shared machine; by turns, cycles with and without them are compared, which
also finds what they cost elsewhere.

Left out in every other cycle: the sign of life and the check before each call, the look for
samples that came or went and its record, the history of promotions, the stop rules, and the
files that training resumes from.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import al.agents.base
import al.pipeline.steps.select_data
import al.registry.registry
import al.tracking.checkpoints
import al.tracking.runs
from al.pipeline.cycle import Cycle
from al.pipeline.history import stop_reason
from al.pipeline.pool_record import PoolOnRecord
from al.pipeline.session import Session
from al.registry.promotions import Promotions
from al.tracking import Checkpoints, Run
from al.tracking.artifacts import Artifacts
from al.tracking.connection import Connection
from benchmarks.common import Row
from benchmarks.profiling import Stopwatch, pipeline_cycle

#: Functions that are there for the case that something happens: owner, name.
SAFEGUARDS: list[tuple[Any, str]] = [
    (Session, "look_again"),
    (Session, "save_promotions"),
    (Promotions, "note"),
    (Checkpoints, "forget"),
    (al.pipeline.steps.select_data, "look_at_pool"),
    (sys.modules[__name__], "stop_reason"),
    (al.agents.base, "save_tree"),
    (Artifacts, "save_file"),  # what training resumes from; all else is saved as folders
]


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

    places: list[tuple[Any, str, Any]] = [
        (Connection, "__getattr__", lambda self, name: getattr(self.raw, name)),
        (Artifacts, "save_file", _nothing),
        (Connection, "make", lambda self, call, found=None: call()),
        (Session, "look_again", _nothing),
        (Session, "save_promotions", _nothing),
        (Promotions, "note", _nothing),
        (Checkpoints, "forget", _nothing),
        (al.pipeline.steps.select_data, "look_at_pool", _pool_unseen),
    ]
    with ExitStack() as stack:
        stack.enter_context(patch.object(client, "check", _nothing))
        for owner, name, instead in places:
            stack.enter_context(patch.object(owner, name, instead))
        yield


def _in_place(session: Session, cycles: int) -> tuple[float, float]:
    """Median seconds of the safeguards in a cycle, and their median share of it."""
    seconds, shares = [], []
    for _ in range(cycles):
        watch, start = Stopwatch(), time.perf_counter()
        with watch.on([(owner, name, name) for owner, name in SAFEGUARDS]):
            pipeline_cycle(session)
            stop_reason(session)
        whole = time.perf_counter() - start
        seconds.append(sum(watch.seconds.values()))
        shares.append(seconds[-1] / whole)
    return statistics.median(seconds), statistics.median(shares)


def sync_cost(session: Session, pairs: int) -> Row:
    """What waiting for the disk costs a cycle: in place, and by turns with cycles without."""
    owners = (al.tracking.runs, al.tracking.checkpoints, al.registry.registry)
    ratios, seconds, shares = [], [], []
    for number in range(pairs):
        took = {}
        for synced in (number % 2 == 0, number % 2 == 1):
            watch, start = Stopwatch(), time.perf_counter()
            with ExitStack() as stack:
                if synced:
                    stack.enter_context(watch.on([(owner, "on_disk", "sync") for owner in owners]))
                else:
                    for owner in owners:
                        stack.enter_context(patch.object(owner, "on_disk", _nothing))
                pipeline_cycle(session)
            took[synced] = time.perf_counter() - start
            if synced:
                seconds.append(watch.seconds["sync"])
                shares.append(watch.seconds["sync"] / took[True])
        ratios.append(took[True] / took[False])
    return {
        "task": session.config.task,
        "in place s": statistics.median(seconds),
        "in place %": 100 * statistics.median(shares),
        "ratio": statistics.median(ratios),
        "ratios": f"{min(ratios):.3f} … {max(ratios):.3f}",
    }


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
    own, share = _in_place(session, min(pairs, 5))
    return {
        "task": session.config.task,
        "in place s": own,
        "in place %": 100 * share,
        "by turns s": statistics.median(seconds),
        "ratio": statistics.median(ratios),
        "ratios": f"{min(ratios):.3f} … {max(ratios):.3f}",
        "ratio of CPU": statistics.median(of_cpu),
    }
