"""Every call to the tracking server: waited for while it is away, refused once the right is lost.

A server that is restarted, a network that is gone for a minute, a database that another
process has locked: the call is made again until it succeeds or `AL_SERVER_WAIT` seconds are
over. One line says what is waited for, and one that it is back.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput

from al.errors import ConfigError, TrackingError
from al.stops import unbroken
from al.tracking.artifacts import Artifacts
from al.tracking.outages import is_away, is_collision, reason, who

_log = logging.getLogger(__name__)

R = TypeVar("R")

#: Seconds that a server may be away in the middle of the work.
WAIT = 600
#: How often a call is made again that met another process writing the same row.
COLLISIONS = 5
#: MLflow's own retries are silent; ours take their place while a campaign is open.
_OWN_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


class _Client(MlflowClient):  # type: ignore[misc]
    """An `MlflowClient` that takes a registered model for one.

    Before each change MLflow's reads the whole of it, to see that it is not a prompt: a campaign
    knows its own, and the reading takes as long as the change.
    """

    def _raise_if_prompt(self, name: str) -> None: ...


class Connection:
    """An `MlflowClient` whose calls outlast a server that is away.

    Args:
        wait: seconds that it may be away, if fewer than `AL_SERVER_WAIT`.

    Attributes:
        uri: of the tracking server.
        raw: the client itself, which neither waits nor checks.
        check: called before each call, and with True after one that failed; raises where this
            process may not write any more.
        patient: False makes one try of each call, for what is done on the way out.
        opened: ids of the runs that this process began or went on in and has not ended.
    """

    def __init__(self, uri: str, wait: float = math.inf) -> None:
        self.uri, self._wait = uri, wait
        self.raw = _Client(uri)
        self.check: Callable[[bool], None] = lambda failed: None
        self.patient = True
        self.opened: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.raw, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self.make(lambda: method(*args, **kwargs))

        return call

    def log_outputs(
        self, run_id: str, models: Sequence[LoggedModelOutput], *, again: bool = True
    ) -> None:
        """Log a run's output models once: MLflow refuses one that is there already, logged by
        a process that was killed then, or by a call whose reply was lost.

        Args:
            again: it may be there already; False for models that were made just now.
        """

        def call(look: bool = True) -> bool:
            known = self.raw.get_run(run_id).outputs.model_outputs if look else ()
            there = {model.model_id for model in known}
            if new := [model for model in models if model.model_id not in there]:
                self.raw.log_outputs(run_id, new)
            return True

        self.make(lambda: call(again), found=call)

    def artifacts(self, uri: str) -> Artifacts:
        """What is kept at a place, or of a model (models:/…); calls wait in the same way."""
        return Artifacts(self, uri)

    def make(self, call: Callable[[], R], found: Callable[[], R | None] | None = None) -> R:
        """The call's result, however often it has to be made.

        Args:
            found: for a call that must not succeed twice: what it made already, when its
                reply was lost on the way.

        Raises:
            TrackingError: the server stayed away for too long.
        """
        self.check(False)
        since: float | None = None
        pause = 0.25
        collisions, away = 0, ""
        while True:
            try:
                again = since is not None or collisions > 0
                with unbroken():
                    result = found() if again and found is not None else None
                    result = call() if result is None else result
            except Exception as error:
                self.check(True)
                if is_collision(error) and collisions < COLLISIONS:
                    collisions += 1
                    time.sleep(0.02 * 2**collisions)
                    continue
                if not self.patient or not is_away(error):
                    raise
                now = time.monotonic()
                away, most = who(error), min(server_wait(), self._wait)
                if since is None:
                    since = now
                    _log.warning(
                        f"{away} does not answer ({reason(error)}): "
                        f"waiting for it, {most:g} s at most"
                    )
                left = since + most - now
                if left <= 0:
                    raise TrackingError(
                        f"{away} has not answered for {most:g} s "
                        f"({reason(error)}): start it, then the same command goes on"
                    ) from error
                time.sleep(min(pause, left))
                pause = min(2 * pause, 10)
            else:
                if since is not None:
                    _log.info(f"{away} is back after {time.monotonic() - since:.0f} s")
                return result


def server_wait() -> float:
    """Seconds to wait for a server that is away, from `AL_SERVER_WAIT`.

    Raises:
        ConfigError: it is set to what is not a number of seconds.
    """
    text = os.environ.get("AL_SERVER_WAIT", str(WAIT))
    try:
        seconds = float(text)
        if not 0 <= seconds < 1e9:
            raise ValueError
    except ValueError:
        raise ConfigError(f"AL_SERVER_WAIT={text!r} is not a number of seconds: give one") from None
    return seconds


@contextmanager
def without_silent_retries() -> Iterator[None]:
    """While open, MLflow reports a server that is away at once; a setting of the user's stays."""
    if _OWN_RETRIES in os.environ:
        yield
        return
    os.environ[_OWN_RETRIES] = "0"
    try:
        yield
    finally:
        os.environ.pop(_OWN_RETRIES, None)
