"""Stay up, and start a cycle when there is reason: what `watch` decides, and when it looks."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name

from al.errors import AlError, ConfigError
from al.pipeline.figures import measure_again
from al.pipeline.history import stop_reason
from al.pipeline.pool_record import train_ids_on_record
from al.pipeline.session import Session
from al.pipeline.spans import span
from al.tracking import Run

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reasons:
    """When a cycle starts while none is open.

    Attributes:
        samples: as soon as so many training samples are new since the last cycle; 0 is off.
        schedule: seconds from the start of a cycle to the start of the next; 0 is off.
            With both off, a cycle starts as soon as the one before is closed.
    """

    samples: int = 0
    schedule: float = 0.0

    @classmethod
    def from_text(cls, samples: str, schedule: str) -> Reasons:
        """As a user gives them.

        Raises:
            ConfigError: one is not a number, or no time.
        """
        if not str(samples).isdecimal():
            raise ConfigError(f"samples={samples!r} is not a whole number: give one, or 0")
        return cls(int(samples), 0.0 if schedule == "off" else span(schedule, "schedule"))


@dataclass(frozen=True)
class Decision:
    """What a look came to.

    Attributes:
        go: run a cycle, or the open one to its end, now.
        over: there is nothing to watch for any more.
    """

    go: bool
    why: str
    over: bool = False


def decide(session: Session | None, reasons: Reasons) -> Decision:
    """Whether there is reason for a cycle; only looks. None is a campaign that has not begun."""
    if session is None:
        return Decision(True, "cycle 1 starts")
    if session.open_run is not None:
        return _of_open_cycle(session, session.open_run)
    session.look_again()
    measure_again(session)
    if reason := stop_reason(session):
        return Decision(False, f"no cycle: {reason}", bool(session.pool))  # a pool may grow again
    return _why_now(session, reasons)


def _of_open_cycle(session: Session, run: Run) -> Decision:
    number = session.state.cycle + 1
    runs = {r.tags["al.step"]: r for r in session.store.find({"al.cycle_run": run.id})}
    done = {name for name, step_run in runs.items() if step_run.finished}
    step = next((step for step in session.steps if step.name not in done), None)
    if step is None or step.name not in runs or not step.waits:
        return Decision(True, f"cycle {number} is open and goes on")
    found = resolve_name(step.waits)(session, runs)
    if not found.go:
        return Decision(False, f"cycle {number} waits: {found.text}")
    return Decision(True, f"cycle {number} goes on: {found.text}")


def _why_now(session: Session, reasons: Reasons) -> Decision:
    number = session.state.cycle + 1
    if number == 1:
        return Decision(True, "cycle 1 starts")
    if not (reasons.samples or reasons.schedule):
        return Decision(True, f"cycle {number} starts: the one before is closed")
    missing = []
    if reasons.samples:
        new = len(set(session.data.ids("train")) - train_ids_on_record(session))
        if new >= reasons.samples:
            return Decision(True, f"cycle {number} starts: {new} samples are new")
        missing.append(f"{new} of {reasons.samples} new samples")
    if reasons.schedule:
        found = session.store.find({"al.role": "cycle", "al.campaign_run": session.run.id})
        left = max(run.started for run in found) + reasons.schedule - time.time()
        if left <= 0:
            return Decision(True, f"cycle {number} starts: {reasons.schedule:g} s have passed")
        missing.append(f"{left:.0f} s to the schedule")
    return Decision(False, f"no cycle: {', '.join(missing)}")


def keep_watch(
    look: Callable[[], tuple[str, bool]], poll: float, wake: threading.Event | None = None
) -> None:
    """Look again and again; log each decision that differs from the one before.

    What a person can mend is logged and looked at again; a wrong parameter ends the watch.

    Args:
        look: decides and acts; returns what to say, and whether the watch is over.
        poll: seconds between two looks.
        wake: set by who knows that it is time for one.
    """
    before = ""
    while True:
        try:
            (line, over), level = look(), logging.INFO
        except ConfigError:
            raise
        except AlError as error:
            line, over, level = f"error: {' '.join(str(error).split())}", False, logging.WARNING
        kind = re.sub(r"\d+ s to", "", line)  # a countdown is not a new decision
        if kind != before:
            _log.log(level, f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}")
            before = kind
        if over:
            return
        if wake is None:
            time.sleep(poll)
        else:
            wake.wait(poll)
            wake.clear()
