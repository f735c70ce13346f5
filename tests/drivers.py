"""Processes that drive one campaign: together, killed, suspended, from another host."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: A fork server has everything imported and nothing running, so each child starts at once.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    ["al.pipeline", "mlflow", "sklearn.datasets", "torchmetrics.classification", "tests.drivers"]
)


@dataclass
class Drive:
    """A process that runs a campaign.

    Attributes:
        process: exit code 0 when it ran to the end, 1 when it was refused, 2 for a bug.
        log: what it printed, and the error at the end.
    """

    process: Any
    log: Path

    def wait(self) -> int:
        self.process.join()
        return int(self.process.exitcode)

    def output(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


def drive(folder: Path, uri: str, parameters: dict[str, Any], name: str, **how: Any) -> Drive:
    """Start a process that runs the campaign.

    Args:
        how: barrier: ask for the campaign together with others; host: as which host; beat,
            lease: seconds; settings: of the environment; fault: (kind, share of the way);
            command: run it as a command, with what that makes of signals.
    """
    output = folder / f"{name}.txt"
    process = context.Process(target=_child, args=(str(folder), uri, parameters, output, how))
    process.start()
    return Drive(process, output)


def _command(uri: str, parameters: dict[str, Any]) -> None:
    """Run the campaign as `al main` does, and end with its exit code."""
    import sys

    import mlflow

    from al.cli import step_command

    mlflow.set_tracking_uri(uri)

    @step_command("main", defaults=False)
    def main(given: dict[str, Any]) -> None:
        """Run."""
        import al

        al.Campaign(show_progress=False, **given).run()

    try:
        main.main([f"--{key}={value}" for key, value in parameters.items()])
    except SystemExit as stop:
        sys.stdout.flush()
        os._exit(int(stop.code or 0))


#: How often a small campaign changes the world; see tests/killing.py.
_CHANGES = 60


def _fault(kind: str, share: float) -> None:
    """From a share of the way on, the world is broken."""
    import errno
    import time

    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    left = round(_CHANGES * share)
    full = False

    def broken() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    numbers = {"disk full": errno.ENOSPC, "read-only": errno.EROFS}
    if kind in numbers:
        left = round(20 * share)
        for name in ("log_artifact", "log_artifacts"):
            original = getattr(LocalArtifactRepository, name)

            def write(self: Any, *args: Any, _original: Any = original, **kwargs: Any) -> None:
                if broken():
                    raise OSError(numbers[kind], os.strerror(numbers[kind]), str(args[0]))
                _original(self, *args, **kwargs)

            setattr(LocalArtifactRepository, name, write)
    elif kind == "database full":

        @event.listens_for(Engine, "before_cursor_execute")
        def _(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            nonlocal full
            if not full and statement.startswith("INSERT") and broken():
                full = True
            if full:  # SQLite itself refuses to grow
                cursor.execute("PRAGMA max_page_count = 1")
    elif kind == "clock":
        real = time.time
        time.time = lambda: real() - 3600 * broken()


def _meet_before_asking(driver: Any, barrier: Any) -> None:
    """Let all who wait at the barrier ask for the campaign in the same instant."""
    acquire = driver.acquire

    def together(self: Any) -> Any:
        driver.acquire = acquire
        barrier.wait()
        return acquire(self)

    driver.acquire = together


def _child(folder: str, uri: str, parameters: dict[str, Any], output: Path, how: Any) -> None:
    import platform
    import sys

    os.chdir(folder)
    os.environ |= {
        "MLFLOW_EXPERIMENT_NAME": "here",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "AL_CACHE_DIR": f"{folder}/cache",
        **how.get("settings", {}),
    }
    sys.stdout = sys.stderr = open(output, "w", buffering=1)  # noqa: SIM115 - until the end
    import torch

    import al
    from al.errors import AlError
    from al.progress import printed
    from al.tracking import driver

    torch.set_num_threads(1)
    driver.BEAT = how.get("beat", driver.BEAT)
    driver.LEASE = how.get("lease", driver.LEASE)
    if "host" in how:
        platform.node = lambda: how["host"]  # type: ignore[assignment]
    if "fault" in how:
        _fault(*how["fault"])
    if how.get("command"):
        _command(uri, parameters)
    try:
        campaign = al.Campaign(tracking_uri=uri, show_progress=False, **parameters)
        if "barrier" in how:
            _meet_before_asking(driver.Driver, how["barrier"])
        with printed():
            campaign.run()
    except AlError as error:
        print(f"error: {error}")
        code = 1
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        code = 2
    else:
        code = 0
    sys.stdout.flush()
    os._exit(code)
