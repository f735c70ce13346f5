"""One driver at a time: the right of one process to drive a campaign.

The tracking server is all that drivers share, and it has no lock. What it has is an order:
who writes first and reads then misses nobody who did so before. So a driver first *asks*
(makes a run of role `driver`), then reads who else is there:

- nobody: it *drives* (a tag on its run says so);
- someone drives: it is refused;
- others ask: the one who asked first waits until the others have gone or one of them drives;
  all others are refused.

Of two that ask at once at least one sees the other, so two never drive; the first of all
who ask is refused only by one who drives, so one always does.

A driver's run is deleted when it leaves. One that was killed leaves its run behind: on the
same host its process is looked up, and it is taken over at once; from another host its sign
of life, a count that goes up every `BEAT` seconds, is watched by the watcher's own clock, and
it is taken over when the count has stood still for `LEASE` seconds. Taking over deletes the
run, which is how a driver that was only suspended learns that it must not write any more.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from mlflow.exceptions import MlflowException

from al.errors import CampaignBusy
from al.stops import unbroken
from al.tracking.runs import Run
from al.tracking.store import Store

_log = logging.getLogger(__name__)

#: Seconds between two signs of life.
BEAT = 10.0
#: Seconds without one after which a driver on another host counts as dead.
LEASE = 60.0
_PAUSE = 0.05  # seconds between two looks at others who ask


class Driver:
    """The right to drive a campaign, held from `acquire` to `release`."""

    def __init__(self, store: Store, campaign: str, parent: str | None = None) -> None:
        self._store = store
        self._campaign = campaign
        self._parent = parent  # run that the driver's is shown under
        self._run: Run | None = None
        self._stop = threading.Event()
        self._lost = False
        self._confirmed = 0.0  # when the server last said that the right is ours

    def acquire(self) -> Driver:
        """Get the right, or say who has it.

        Raises:
            CampaignBusy: another process drives the campaign.
        """
        watch = _Watch()
        try:
            with unbroken():
                self._run = self._ask()
            while True:
                others = [run for run in self._others() if not self._gone(run, watch)]
                if not others:
                    break
                self._give_way(others, watch)
                time.sleep(_PAUSE if not watch.any else min(1.0, BEAT / 4))
            self._run.set_tags({"al.driver_state": "drives", "al.beat": 0})
        except BaseException:
            self.release()
            raise
        self._confirmed = _now()
        self._store.client.check = self.check
        threading.Thread(target=self._beat, name="al-driver", daemon=True).start()
        return self

    def release(self) -> None:
        """Give the right back; where the server is away, the next driver sees that it is free."""
        self._stop.set()
        client = self._store.client
        patient, client.patient = client.patient, False
        if self._run is not None:
            client.opened.discard(self._run.id)
        with suppress(Exception):  # refused where another driver goes on in these runs
            self._store.leave()
        client.check = lambda failed: None
        run, self._run = self._run, None
        with suppress(Exception):  # this process ends; whoever comes next looks it up
            if run is not None:
                client.delete_run(run.id)
        client.patient = patient

    def check(self, failed: bool = False) -> None:
        """Refuse to write for a driver that was taken for dead and taken over.

        Args:
            failed: a call has failed; ask the server whether this is why.

        Raises:
            CampaignBusy: another process drives the campaign now.
        """
        # Suspended, or cut off from the server: ask before the next write.
        if not self._lost and (failed or _now() - self._confirmed > LEASE / 2):
            self._confirm()
        if self._lost:
            raise CampaignBusy(
                f"campaign {self._campaign!r} was taken over while this process gave no sign of "
                f"life for {LEASE:g} s: stop here, the other one goes on"
            )

    # -- how ---------------------------------------------------------------------------------

    def _ask(self) -> Run:
        me = _Identity.mine()
        tags = {
            "al.role": "driver",
            "al.campaign": self._campaign,
            "al.driver": json.dumps(me.__dict__),
            "al.driver_state": "asks",
            "al.beat": "0",
        }
        name = f"driver of {self._campaign}: process {me.pid} on {me.host}"
        return self._store.create(name, tags, parent=self._parent, kind="driver")

    def _others(self) -> list[Run]:
        assert self._run is not None
        found = self._store.find({"al.role": "driver", "al.campaign": self._campaign})
        return [run for run in found if run.id != self._run.id]

    def _gone(self, other: Run, watch: _Watch) -> bool:
        """Whether a driver is dead; its run is deleted then."""
        them = _Identity.of(other)
        alive = them.alive()
        if alive is None:  # another host: all that can be seen is its sign of life
            alive = watch.sees_life(other)
        if alive is not False:
            return False
        if other.tags["al.driver_state"] == "drives":
            _log.warning(f"{them.text(other)} is gone: this process takes over")
        with suppress(MlflowException):  # another one that asks was quicker
            self._store.client.delete_run(other.id)
        return True

    def _give_way(self, others: list[Run], watch: _Watch) -> None:
        """Refuse this process where another one drives or asked before.

        Raises:
            CampaignBusy: names it.
        """
        assert self._run is not None
        first = min([*others, self._run], key=lambda run: (run.started, run.id))
        driving = [run for run in others if run.tags["al.driver_state"] == "drives"]
        holder = driving[0] if driving else first
        if holder is self._run or watch.undecided(holder):
            return
        raise CampaignBusy(
            f"campaign {self._campaign!r} is driven by {_Identity.of(holder).text(holder)} "
            f"({self._store.link(holder)}): wait for it, or stop it there"
        )

    def _beat(self) -> None:
        count = 0
        while not self._stop.wait(BEAT):
            count += 1
            self._confirm(count)

    def _confirm(self, count: int | None = None) -> None:
        """Ask the server whether the right is still ours, and leave a sign of life."""
        run = self._run
        if run is None:
            return
        raw = self._store.client.raw  # neither waits nor checks
        try:
            if count is not None:
                raw.set_tag(run.id, "al.beat", str(count))
            gone = raw.get_run(run.id).info.lifecycle_stage == "deleted"
        except MlflowException as error:
            if error.error_code not in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                return  # away: unknown, and the next write waits for it anyway
            gone = True
        except Exception:  # any other way of being away
            return
        if gone:
            self._lost = self._run is not None  # else it was released meanwhile
        else:
            self._confirmed = _now()


class _Watch:
    """Signs of life of drivers on other hosts, seen by this process's own clock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, float, bool]] = {}  # run → count, since when, it moved
        self.any = False

    def sees_life(self, run: Run) -> bool | None:
        """True once its count went up, False once it stood still for the lease, None before."""
        beat, now = run.tags.get("al.beat", ""), time.monotonic()
        if run.id not in self._seen:
            self._seen[run.id] = (beat, now, False)
            self.any = True
            if run.tags["al.driver_state"] == "drives":
                _log.warning(
                    f"{_Identity.of(run).text(run)} drives this campaign: waiting for a sign of "
                    f"life, {LEASE:g} s at most"
                )
        known, since, moved = self._seen[run.id]
        if beat != known:
            moved = True
            self._seen[run.id] = (beat, now, moved)
        if moved:
            return True
        return None if now - since < LEASE else False

    def undecided(self, run: Run) -> bool:
        """Whether it has not been seen alive yet, and not been silent for long enough."""
        return run.id in self._seen and not self._seen[run.id][2]


@dataclass(frozen=True)
class _Identity:
    """Which process on which host.

    Attributes:
        space: what makes process numbers comparable: boot and container.
        born: when the process started, in the units of its host; 0 where that is not known.
        since: for people.
    """

    host: str
    space: str
    pid: int
    born: int
    since: str

    @classmethod
    def mine(cls) -> _Identity:
        pid = os.getpid()
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(platform.node(), _space(), pid, _born(pid), since)

    @classmethod
    def of(cls, run: Run) -> _Identity:
        try:
            return cls(**json.loads(run.tags["al.driver"]))
        except (KeyError, TypeError, ValueError):
            return cls("an unknown host", "", 0, 0, "an unknown time")

    def alive(self) -> bool | None:
        """Whether the process is there; None where it cannot be looked up from here."""
        if (self.host, self.space) != (platform.node(), _space()):
            return None
        try:
            there = psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            there = True
        return there and self.born == _born(self.pid)

    def text(self, run: Run) -> str:
        """As a message names it."""
        return f"process {self.pid} on {self.host}, since {self.since}"


def _space() -> str:
    """Where process numbers mean the same: this boot, and this container."""
    found = []
    read: list[Callable[[], Any]] = [
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        lambda: os.readlink("/proc/self/ns/pid"),
    ]
    for part in read:
        try:
            found.append(str(part()))
        except OSError:
            found.append("")
    return " ".join(found)


def _born(pid: int) -> int:
    """Ticks from boot to the process's start, which no change of the clock moves; else 0."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def _now() -> float:
    """Seconds on a clock that runs on while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
