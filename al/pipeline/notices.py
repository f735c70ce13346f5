"""Messages to a place of the team's: answers are waited for, a version was promoted, and so on.

`notify=env:NAME` names the variable that holds a URL, which is a secret and never logged. To
it goes JSON by POST, with a `text` as Slack and its like show it. A thread of its own sends: a
place that is away costs a campaign nothing but the last `PATIENCE` seconds of its command, and a
line. What was received is a tag of the run that it is about, so that a later command does not
tell it again; one that was killed between the two tells it twice, under the same `id`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from al.config import Config
from al.errors import ConfigError, without_credentials
from al.tracking import Run

if TYPE_CHECKING:
    from al.pipeline.cycle import Cycle

_log = logging.getLogger(__name__)

#: Tag of a run, followed by the kind of event: what was posted last.
SENT = "al.told."
#: Seconds that one try may take, pauses before further ones, and what a command waits at its end.
TRY, PAUSES, PATIENCE = 3.0, (0.5, 2.0), 10.0
#: Drift is reported where such a difference comes by chance less often.
RARE = 0.01
NONE, ENV = "none", "env:"


@dataclass(frozen=True)
class Event:
    """Something that people want to know.

    Attributes:
        kind: waiting, promoted, approval, kpi, drift, ended or failed.
        which: tells it from others of its kind.
        facts: of plain values.
    """

    kind: str
    which: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


def address(notify: str) -> str | None:
    """The URL that `notify` stands for; None where nothing is to be posted.

    Raises:
        ConfigError: it names no variable, or that holds no URL; what it holds is not shown.
    """
    if notify == NONE:
        return None
    name = notify.removeprefix(ENV)
    if not notify.startswith(ENV) or not name.isidentifier():
        raise ConfigError(
            "notify is not env:NAME: put the URL, which is a secret, into a variable of the "
            "environment and name that, or give none"
        )
    url = os.environ.get(name, "")
    if not url.startswith(("http://", "https://")):
        what = "holds no http:// or https:// URL" if url else "is not set"
        raise ConfigError(f"notify={notify}: {name} {what}: set it, or pass notify=none")
    return url


class Notices:
    """Tells events of one campaign.

    Args:
        config: of the campaign; `notify` says where to.
        campaign: its run.
        warn: say where that cannot be; the campaign goes on.
    """

    def __init__(self, config: Config, campaign: Run, *, warn: bool = True) -> None:
        self._url: str | None = None
        try:
            self._url = address(config.notify)
        except ConfigError as error:
            if warn:
                _log.warning(f"no events are sent for this campaign: {error}")
        self._name, self._where, self._campaign = config.name, config.notify, campaign
        self._queue: queue.SimpleQueue[tuple[Run, Event] | None] = queue.SimpleQueue()
        self._known: dict[tuple[str, str], str] = {}  # (run, kind) → what was posted last
        self._sender: threading.Thread | None = None
        self._failed = False

    def tell(self, run: Run, event: Event) -> None:
        """Post an event, unless it was posted before; returns at once.

        Args:
            run: that it is about.
        """
        if self._url is None:
            return
        place = (run.id, event.kind)
        if self._known.setdefault(place, run.tags.get(SENT + event.kind, "")) == event.which:
            return
        self._known[place] = event.which
        if self._sender is None:
            self._sender = threading.Thread(target=self._send, name="al-notices", daemon=True)
            self._sender.start()
        self._queue.put((run, event))

    def close(self) -> None:
        """Wait for what is on its way, `PATIENCE` seconds at most."""
        if self._sender is not None:
            self._queue.put(None)
            self._sender.join(PATIENCE)
            if self._sender.is_alive():
                self._say("does not answer")
            self._sender = None

    # -- in the thread -----------------------------------------------------------------------

    def _send(self) -> None:
        while (found := self._queue.get()) is not None:
            run, event = found
            problem = self._post(event)
            if problem:
                self._say(problem)
            else:
                run.mark(SENT + event.kind, event.which)

    def _post(self, event: Event) -> str:
        """Send one; what went wrong in the end, without the URL, which errors of requests show."""
        key = f"{self._campaign.id} {event.kind} {event.which}"
        body = {
            "text": f"{self._name}: {event.text}",
            "event": event.kind,
            "campaign": self._name,
            "run": self._campaign.id,
            "id": hashlib.sha256(key.encode()).hexdigest()[:16],
            **event.facts,
        }
        problem = ""
        for pause in (0.0, *PAUSES):
            time.sleep(pause)
            try:
                answer = requests.post(str(self._url), json=body, timeout=TRY)
            except (requests.RequestException, UnicodeError) as error:
                problem = f"cannot be reached ({type(error).__name__})"
                continue
            if answer.ok:
                return ""
            problem = f"answers with status {answer.status_code}"
            if 400 <= answer.status_code < 500 and answer.status_code != 429:
                break  # it will not do better
        return problem

    def _say(self, problem: str) -> None:
        if not self._failed:
            _log.warning(
                f"notify={self._where}: that address {problem}: the campaign goes on, check it"
            )
        self._failed = True


def failure(number: int, error: Exception) -> Event:
    """That a command failed, in the cycle that was its turn."""
    line = without_credentials(" ".join(str(error).split()))[:500]
    return Event("failed", f"cycle {number}: {line}", f"cycle {number} failed: {line}")


def tell_of(cycle: Cycle) -> None:
    """Tell what a cycle's steps have come to so far."""
    for event in _events(cycle):
        cycle.session.notices.tell(cycle.run, event)


def _events(cycle: Cycle) -> list[Event]:
    found, number, which = [], cycle.number, f"cycle {cycle.number}"
    verdict, election, model = cycle.verdict, cycle.election, cycle.session.registry.name
    about: dict[str, Any] = {"cycle": number}
    if verdict is not None and verdict.kpi is not None and verdict.value is not None:
        figures = about | {"metric": verdict.metric, "value": verdict.value, "kpi": verdict.kpi}
        if verdict.retrain:
            found.append(Event("kpi", which, f"{which}: the KPI is missed: {verdict.why}", figures))
    if verdict is not None and verdict.drift_p is not None and verdict.drift_p < RARE:
        text = (
            f"{which}: new samples are not like those for validation (drift {verdict.drift:.2f}, "
            f"p = {verdict.drift_p:.2g})"
        )
        figures = about | {"drift": verdict.drift, "p": verdict.drift_p}
        found.append(Event("drift", which, text, figures))
    version = cycle.winner_version
    if election is None or version is None:
        return found
    figures = about | {"model": model, "version": version}
    if election.promoted:
        text = f"{which}: v{version} of {model} is in Production: {election.why}"
        found.append(Event("promoted", f"v{version}", text, figures))
    elif election.offered:
        text = f"{which}: {cycle.session.registry.how_to_decide(version)} ({election.why})"
        found.append(Event("approval", f"v{version}", text, figures))
    return found
