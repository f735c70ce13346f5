"""Bars while work is done, and messages above them; silent where nobody is watching.

Messages go to loggers of the tree `al`: what happened is INFO, what somebody should act on is
WARNING. Our commands print them with `printed`; whoever uses the library decides otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm.auto import tqdm

_shown: ContextVar[bool | None] = ContextVar("shown", default=None)


def bar(**options: Any) -> tqdm[Any]:
    """A bar that vanishes when done, so that the lines a user keeps stay together."""
    from tqdm.auto import tqdm  # late: a served version needs none

    shown = _shown.get()
    return tqdm(disable=None if shown is None else not shown, leave=False, **options)


@contextmanager
def showing(shown: bool | None) -> Iterator[None]:
    """Bars on or off in this block, for this thread alone.

    Args:
        shown: None leaves it as it is; by default a terminal and a notebook have bars.
    """
    token = _shown.set(_shown.get() if shown is None else shown)
    try:
        yield
    finally:
        _shown.reset(token)


def hide() -> None:
    """No bars any more in this thread: a worker's terminal is that of another process."""
    _shown.set(False)


@contextmanager
def printed() -> Iterator[None]:
    """Print the messages of this block on standard output, as bare lines above open bars."""
    logger, handler = logging.getLogger("al"), _AboveBars()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # else a library that sets up logging prints each line once more
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _AboveBars(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        from tqdm.auto import tqdm

        tqdm.write(self.format(record))
