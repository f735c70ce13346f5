"""A driver beside the page: a process of its own watches the campaign while this one serves.

Training takes all of a process's attention, and may take its life; people who label are to notice
neither. The driver is what `watch` is, and holds the campaign only while it runs a cycle. It ends
with this process, however that ends: it notices by its standard input. Where the driver ends
before the campaign does, the page goes on and another driver is started.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pkgutil import resolve_name
from types import TracebackType
from typing import Any

import click

from al.cli import OneLine
from al.errors import ConfigError
from al.stops import unbroken

_log = logging.getLogger(__name__)

#: Time between two looks of the driver; it looks at once where all is answered.
POLL = "10s"
#: Seconds until a driver that ended is started again: at first, and at most.
PAUSES = (1.0, 60.0)
#: Seconds that a driver has to stop when this process does; later it stops by itself.
PATIENCE = 8.0


class Beside:
    """The driver, while this is open.

    Args:
        spec: what the driver is made of, as `_main` reads it.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = json.dumps(spec)
        self._process: subprocess.Popen[str] | None = None
        self._idle = False
        self._pause, self._again = PAUSES[0], 0.0
        self._started = 0.0

    def __enter__(self) -> Beside:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        with unbroken():
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                _log.warning("the driver finishes what it is at, and stops by itself")
        assert self._process.stdin is not None
        self._process.stdin.close()

    def begin(self) -> None:
        """Start the driver; the campaign has not begun.

        Raises:
            ConfigError: it has ended without beginning it.
        """
        if self._process is None:
            self._start()
        assert self._process is not None
        if self._process.poll() is not None:
            raise ConfigError("the campaign has not begun: fix the error in the line above")

    def over(self, idle: bool) -> bool:
        """Whether the campaign has ended; asked about again and again, it keeps a driver going.

        Args:
            idle: nobody has anything to answer.
        """
        if self._process is None:
            self._start()
        elif (code := self._process.poll()) is None:
            if idle and not self._idle:
                self._wake()
            self._idle = idle
        elif code == 0:
            return True
        elif not self._again:
            if time.monotonic() - self._started > PAUSES[1]:
                self._pause = PAUSES[0]
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            _log.warning(
                f"the driver {how}; another one starts in {self._pause:g} s, the page goes on"
            )
            self._again = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, PAUSES[1])
        elif time.monotonic() >= self._again:
            self._start()
        return False

    def _start(self) -> None:
        paths = os.pathsep.join([path for path in sys.path if path])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "al.pipeline.beside"],
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
            start_new_session=True,  # Ctrl-C comes to this process, which stops the other one
        )
        self._started, self._again = time.monotonic(), 0.0
        assert self._process.stdin is not None
        self._say(self._spec)

    def _wake(self) -> None:
        self._say("look")

    def _say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, which is seen elsewhere


@click.command(cls=OneLine)
def _main() -> None:
    """Watch a campaign for the process that serves its page, as long as that is there."""
    spec = json.loads(sys.stdin.readline())
    wake = threading.Event()

    def listen() -> None:
        while sys.stdin.readline():
            wake.set()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=listen, name="al-page-gone", daemon=True).start()
    campaign = resolve_name(spec["of"])(
        entry="watch",
        tracking_uri=spec["tracking_uri"],
        experiment=spec["experiment"],
        **spec["given"],
    )
    campaign.watch(poll=POLL, wake=wake)


if __name__ == "__main__":
    _main()
