"""Every call to the tracking server: waited for while it is away, refused once the right is lost.

A server that is restarted, a network that is gone for a minute, a database that another
process has locked: the call is made again until it succeeds or `AL_SERVER_WAIT` seconds are
over. Whoever watches is told once what is waited for, and once that it is back.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from al.errors import ConfigError, TrackingError, without_credentials
from al.stops import unbroken

_log = logging.getLogger(__name__)

R = TypeVar("R")

#: Seconds that a server may be away in the middle of the work.
WAIT = 600
#: How often a call is made again that met another process writing the same row.
COLLISIONS = 5
#: MLflow's own retries are silent; ours take their place while a campaign is open.
_OWN_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_AWAY = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
#: What only a person can mend, although MLflow calls it temporary.
_LASTING = ("disk is full", "readonly database", "unable to open database", "no such table")


class Connection:
    """An `MlflowClient` whose calls outlast a server that is away.

    Attributes:
        raw: the client itself, which neither waits nor checks.
        check: called before each call, and with True after one that failed; raises where this
            process may not write any more.
        patient: False makes one try of each call, for what is done on the way out.
        opened: ids of the runs that this process began or went on in and has not ended.
    """

    def __init__(self, uri: str) -> None:
        self.raw = MlflowClient(uri)
        self.check: Callable[[bool], None] = lambda failed: None
        self.patient = True
        self.opened: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.raw, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self.make(lambda: method(*args, **kwargs))

        return call

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
        collisions = 0
        while True:
            try:
                again = since is not None or collisions > 0
                with unbroken():
                    result = found() if again and found is not None else None
                    result = call() if result is None else result
            except Exception as error:
                self.check(True)
                if _is_collision(error) and collisions < COLLISIONS:
                    collisions += 1
                    time.sleep(0.02 * 2**collisions)
                    continue
                if not self.patient or not _is_away(error):
                    raise
                now = time.monotonic()
                if since is None:
                    since = now
                    _log.warning(
                        f"the tracking server does not answer ({_reason(error)}): "
                        f"waiting for it, {server_wait():g} s at most"
                    )
                left = since + server_wait() - now
                if left <= 0:
                    raise TrackingError(
                        f"the tracking server has not answered for {server_wait():g} s "
                        f"({_reason(error)}): start it, then the same command goes on"
                    ) from error
                time.sleep(min(pause, left))
                pause = min(2 * pause, 10)
            else:
                if since is not None:
                    _log.info(f"the tracking server is back after {time.monotonic() - since:.0f} s")
                return result


def server_wait() -> float:
    """Seconds to wait for a server that is away, from `AL_SERVER_WAIT`.

    Raises:
        ConfigError: it is set to what is no number of seconds.
    """
    text = os.environ.get("AL_SERVER_WAIT", str(WAIT))
    try:
        seconds = float(text)
        if not 0 <= seconds < 1e9:
            raise ValueError
    except ValueError:
        raise ConfigError(f"AL_SERVER_WAIT={text!r} is no number of seconds: give one") from None
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


def _is_collision(error: BaseException) -> bool:
    """Whether another process wrote the same row between this one's look and its writing.

    MLflow enters a data set that way, for one.
    """
    text = str(error)
    return "UNIQUE constraint failed" in text or "duplicate key value" in text


def _is_away(error: BaseException) -> bool:
    """Whether a later try may succeed."""
    text = str(error)
    if any(words in text for words in _LASTING):
        return False
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _AWAY):
            return True
        if isinstance(cause, requests.exceptions.HTTPError) and cause.response is not None:
            return cause.response.status_code in (502, 503, 504)
        cause = cause.__cause__ or cause.__context__
    if not isinstance(error, MlflowException):
        return False
    # Downloads gather what went wrong with each file as a text.
    signs = ("Max retries exceeded", "Connection refused", "ConnectionError", "Connection aborted")
    return error.error_code == "TEMPORARILY_UNAVAILABLE" or any(sign in text for sign in signs)


def _reason(error: BaseException) -> str:
    """The innermost cause, in a few words."""
    text = without_credentials(" ".join(str(error).split()))
    for known in ("Connection refused", "database is locked", "timed out", "Connection aborted"):
        if known.lower() in text.lower():
            return known.lower()
    return text[:120]
