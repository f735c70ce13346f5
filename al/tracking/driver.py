"""One driver at a time: the right of one process to drive a campaign.

The tracking server is all that drivers share, and it has no lock. What it has is an order:
who writes first and reads then misses nobody who did so before. So a driver first *asks*
(sets a tag of the experiment, with a token of its own), then reads who else is there:

- nobody: it *drives* (a second tag says so);
- someone drives: it is refused;
- others ask: the one whose token comes first waits until the others have gone or one of them
  drives; all others are refused.

Of two that ask at once at least one sees the other, so two never drive; the first of all
who ask is refused only by one who drives, so one always does.

The tags go when the driver leaves. One that was killed leaves them behind: on the same host
its process is looked up, and it is taken over at once; from another host its sign of life, a
count that goes up every `BEAT` seconds, is watched by the watcher's own clock, and it is taken
over when the count has stood still for `LEASE` seconds. Taking over deletes the tag that asked,
which is written once and never again: that is how a driver that was only suspended learns that
it must not write any more. What it writes late, a sign of life, means nothing without that tag.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from mlflow.exceptions import MlflowException

from al.errors import CampaignBusy
from al.stops import unbroken
from al.tracking.processes import Process
from al.tracking.store import Store

_log = logging.getLogger(__name__)

#: Seconds between two signs of life.
BEAT = 10.0
#: Seconds without one after which a driver on another host counts as dead.
LEASE = 60.0
_PAUSE = 0.05  # seconds between two looks at others who ask
#: Tags of the experiment, each followed by campaign and token.
ASKS, DRIVES, ALIVE = "al.driver.", "al.drives.", "al.beat."


class Driver:
    """The right to drive a campaign, held from `acquire` to `release`."""

    def __init__(self, store: Store, campaign: str) -> None:
        self._store = store
        self._campaign = campaign
        self._token = ""  # while it asks or drives
        self._stop = threading.Event()
        self._lost = False
        self._confirmed = 0.0  # when the server last confirmed that we may write

    def acquire(self) -> Driver:
        """Get the right, or say who has it.

        Raises:
            CampaignBusy: another process drives the campaign.
        """
        watch = _Watch()
        try:
            with unbroken():
                self._token = uuid.uuid4().hex[:16]
                self._set(ASKS, json.dumps(asdict(Process.mine())))
            while True:
                others = [one for one in self._others() if not self._gone(one, watch)]
                if not others:
                    break
                self._give_way(others, watch)
                time.sleep(_PAUSE if not watch.any else min(1.0, BEAT / 4))
            self._set(DRIVES, "true")
            self._confirm()  # who took this one for dead may drive by now
            self.check()
        except BaseException:
            self.release()
            raise
        self._store.client.check = self.check
        threading.Thread(target=self._beat, name="al-driver", daemon=True).start()
        return self

    def release(self) -> None:
        """Give the right back; where the server is away, the next driver sees that it is free."""
        self._stop.set()
        with unbroken():  # a stop that comes meanwhile would leave tags behind
            self._leave()

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

    def _leave(self) -> None:
        client = self._store.client
        patient, client.patient = client.patient, False
        with suppress(Exception):  # refused where another driver goes on in these runs
            self._store.leave()
        client.check = lambda failed: None
        token, self._token = self._token, ""
        for prefix in (ALIVE, DRIVES, ASKS) if token else ():
            with suppress(Exception):  # this process ends; whoever comes next looks it up
                self._delete(prefix, token)
        client.patient = patient

    def _set(self, prefix: str, value: str) -> None:
        self._store.client.set_experiment_tag(
            self._store.experiment_id, f"{prefix}{self._campaign}.{self._token}", value
        )

    def _delete(self, prefix: str, token: str) -> None:
        with suppress(MlflowException):  # never set, or another one was quicker
            self._store.client.delete_experiment_tag(
                self._store.experiment_id, f"{prefix}{self._campaign}.{token}"
            )

    def _others(self) -> list[_Asking]:
        """Who else asks or drives; what is left of those who are gone is cleared away."""
        tags = self._store.client.get_experiment(self._store.experiment_id).tags
        found = {prefix: _of(tags, prefix, self._campaign) for prefix in (ASKS, DRIVES, ALIVE)}
        for prefix in (DRIVES, ALIVE):
            for token in found[prefix].keys() - found[ASKS].keys():
                self._delete(prefix, token)
        return [
            _Asking(token, _process(text), token in found[DRIVES], found[ALIVE].get(token, ""))
            for token, text in found[ASKS].items()
            if token != self._token
        ]

    def _gone(self, other: _Asking, watch: _Watch) -> bool:
        """Whether a driver is dead; its tags are deleted then."""
        alive = other.process.alive()
        if alive is None:  # another host: all that can be seen is its sign of life
            alive = watch.sees_life(other)
        if alive is not False:
            return False
        if other.drives:
            _log.warning(f"{other.process} is gone: this process takes over")
        for prefix in (ASKS, DRIVES, ALIVE):  # the first is what counts
            self._delete(prefix, other.token)
        return True

    def _give_way(self, others: list[_Asking], watch: _Watch) -> None:
        """Refuse this process where another one drives or comes before.

        Raises:
            CampaignBusy: names it.
        """
        first = min(others, key=lambda one: (not one.drives, one.token))
        if not first.drives and self._token < first.token:
            return
        if watch.undecided(first):
            return
        raise CampaignBusy(
            f"campaign {self._campaign!r} is driven by {first.process}: wait for it, or stop it "
            "there"
        )

    def _beat(self) -> None:
        count = 0
        while not self._stop.wait(BEAT):
            count += 1
            self._confirm(count)

    def _confirm(self, count: int | None = None) -> None:
        """Ask the server whether the right is still ours, and leave a sign of life."""
        token = self._token
        if not token:
            return
        raw, place = self._store.client.raw, self._store.experiment_id  # neither waits nor checks
        asked_at = _now()
        try:
            if count is not None:
                raw.set_experiment_tag(place, f"{ALIVE}{self._campaign}.{token}", str(count))
            gone = f"{ASKS}{self._campaign}.{token}" not in raw.get_experiment(place).tags
        except Exception:  # away: unknown, and the next write waits for it anyway
            return
        if gone:
            self._lost = bool(self._token)  # else it was released meanwhile
        else:
            self._confirmed = asked_at


@dataclass(frozen=True)
class _Asking:
    """Another process that asks for the campaign, or drives it; `beat` is its sign of life."""

    token: str
    process: Process
    drives: bool
    beat: str


class _Watch:
    """Signs of life of drivers on other hosts, seen by this process's own clock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, float, bool]] = {}  # token → count, since when, it moved
        self.any = False

    def sees_life(self, one: _Asking) -> bool | None:
        """True once its count went up, False once it stood still for the lease, None before."""
        now = time.monotonic()
        if one.token not in self._seen:
            self._seen[one.token] = (one.beat, now, False)
            self.any = True
            if one.drives:
                _log.warning(
                    f"{one.process} drives this campaign: waiting for a sign of life, {LEASE:g} s "
                    "at most"
                )
        known, since, moved = self._seen[one.token]
        if one.beat != known:
            moved = True
            self._seen[one.token] = (one.beat, now, moved)
        if moved:
            return True
        return None if now - since < LEASE else False

    def undecided(self, one: _Asking) -> bool:
        """Whether it has not been seen alive yet, and not been silent for long enough."""
        return one.token in self._seen and not self._seen[one.token][2]


def _of(tags: Mapping[str, str], prefix: str, campaign: str) -> dict[str, str]:
    """Values by token; a token has no dot, as other campaigns' names may."""
    start = f"{prefix}{campaign}."
    cut = {key.removeprefix(start): value for key, value in tags.items() if key.startswith(start)}
    return {token: value for token, value in cut.items() if "." not in token}


def _process(text: str) -> Process:
    try:
        return Process.of(json.loads(text))
    except ValueError:
        return Process.of(None)


def _now() -> float:
    """Seconds on a clock that runs on while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
