"""How a process stops that a signal asks to: by an exception, but never inside a call to a store.

What a signal raises can come up between any two instructions. Inside a library that may leave
a transaction open, so that no run can be ended on the way out; there the signal waits until the
call is over.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Exit code of a process that SIGTERM ends, and of one that SIGINT ends.
TERMINATED, INTERRUPTED = 143, 130
#: Seconds that a stop may take; then the process is ended where it stands, which is safe.
GRACE = 30.0
#: Seconds that a signal waits for a call; a longer one is broken off.
PATIENCE = 10
_asked = 0  # the signal that asked to stop
_inside = 0  # calls under way in the main thread that must not be broken off
_waited: int | None = None  # seconds that a signal has waited for them


def heed() -> None:
    """From now on, signals that ask this process to stop raise what ends it."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(name, _stop)


def stopping() -> None:
    """The exception that a signal raised has come through: do not raise it again."""
    signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def unbroken() -> Iterator[None]:
    """What is done inside is finished before a signal stops the process."""
    global _inside, _waited
    if threading.current_thread() is not threading.main_thread():  # signals come to the main one
        yield
        return
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1
        if _waited is not None and not _inside:
            _waited = None
            _raise()


def exit_code() -> int:
    """The exit code of a process that was asked to stop."""
    return INTERRUPTED if _asked == signal.SIGINT else TERMINATED


def _stop(number: int, _: Any) -> None:
    """Raise what ends the process, and again a second later if that was swallowed.

    Python drops an exception that a signal raises inside a weak reference's callback or a
    destructor; the alarm stays set until `stopping` is called.
    """
    global _asked, _waited
    if not _asked:
        last_resort = threading.Timer(GRACE, _end_at_once)
        last_resort.daemon = True
        last_resort.start()
    if number != signal.SIGALRM:
        _asked = number
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    if _inside and (_waited or 0) < PATIENCE:
        _waited = (_waited or 0) + 1
        return
    _waited = None
    _raise()


def _raise() -> None:
    sys.unraisablehook = lambda _: None  # which would print the one that was swallowed
    if _asked == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(TERMINATED)


def _end_at_once() -> None:
    """End a process that was asked to stop and cannot, for a lock that the exception left held."""
    line = "ended at once, as stopping took too long: the same command goes on"
    print(line, file=sys.stderr, flush=True)
    os._exit(exit_code())
