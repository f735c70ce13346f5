"""Bars while work is done, and messages above them; silent where nobody is watching.

Messages go to loggers of the tree `al`: what happened is INFO, what somebody should act on is
WARNING. Our commands print them with `printed`; whoever uses the library decides otherwise.
"""

from __future__ import annotations

import logging
import math
import re
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm.auto import tqdm

_log = logging.getLogger(__name__)

#: Seconds between lines in place of a bar.
EVERY = 30
_shown: ContextVar[bool | None] = ContextVar("shown", default=None)


def bar(**options: Any) -> tqdm[Any]:
    """A bar that vanishes when done, so that the lines a user keeps stay together.

    Where output goes to a file or a pipe there is a line once in `EVERY` seconds instead.
    """
    from tqdm.auto import tqdm  # late: a served version needs none

    shown = _shown.get()
    made = tqdm(disable=None if shown is None else not shown, leave=False, **options)
    if shown is None and made.disable:
        made.update = _lines(  # type: ignore[assignment, method-assign]
            options["desc"], options["total"], options.get("initial", 0)
        )
    return made


def _lines(desc: str, total: int, initial: int) -> Callable[[float | None], None]:
    """An `update` that logs a line now and then: what is done, and the time left at this pace."""
    begun = last = time.monotonic()
    done = initial

    def update(n: float | None = 1) -> None:
        nonlocal last, done
        done += int(n or 0)
        now = time.monotonic()
        if now - last >= EVERY and initial < done < total:
            last = now
            left = (now - begun) * (total - done) / (done - initial) / 60
            _log.info(f"{desc}: {done:,} of {total:,}, about {math.ceil(left)} min left")

    return update


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
    """Print the messages of this block on standard output, as bare lines above open bars.

    What libraries warn of is shown once a place, whatever they set: some warn at every call.
    """
    logger, handler = logging.getLogger("al"), _AboveBars()
    before = logger.level, logger.propagate
    show, seen = warnings.showwarning, set[tuple[str, int]]()

    def once(*warning: Any, **more: Any) -> None:
        place = warning[2:4]  # file and line
        if place not in seen:
            seen.add(place)
            show(*warning, **more)

    warnings.showwarning = once
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # else a library that sets up logging prints each line once more
    try:
        yield
    finally:
        warnings.showwarning = show
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def fit(text: str) -> str:
    """A text for standard output: folded where that is a terminal, else as it is."""
    return fitted(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text


def fitted(text: str, width: int) -> str:
    """Lines of at most `width` letters, broken between columns where a line has some, which two
    spaces part, and between words elsewhere; a longer word, like an address, stays whole."""
    return "\n".join(part for line in text.split("\n") for part in _folded(line, width))


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    lines = [""]
    for column in re.findall(r"\s*\S+(?: \S+)*", line):
        if lines[-1] and len(lines[-1]) + len(column) > width:
            lines.append("    " + column.lstrip())
        else:
            lines[-1] += column
    fold = TextWrapper(
        width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return [part for whole in lines for part in (fold.wrap(whole) or [""])]


@contextmanager
def loading() -> Iterator[None]:
    """Say on a terminal that something is imported, which takes seconds the first time."""
    shown = sys.stderr.isatty()
    if shown:
        sys.stderr.write("loading …")
        sys.stderr.flush()
    try:
        yield
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class _AboveBars(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        from tqdm.auto import tqdm

        tqdm.write(fit(self.format(record)))
