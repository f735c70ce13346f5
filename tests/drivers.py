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
context.set_forkserver_preload(["al.pipeline", "mlflow", "sklearn.datasets", "tests.drivers"])


@dataclass
class Drive:
    """A process that runs a campaign.

    Attributes:
        process: exit code 0 when it ran to the end, 1 when it was refused, 2 for a bug.
        output: what it printed, and the error at the end.
    """

    process: Any
    output: Path

    def wait(self) -> int:
        self.process.join()
        return int(self.process.exitcode)

    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""


def drive(folder: Path, uri: str, parameters: dict[str, Any], name: str, **how: Any) -> Drive:
    """Start a process that runs the campaign.

    Args:
        how: barrier: ask for the campaign together with others; host: as which host; beat, lease: seconds;
            settings: of the environment.
    """
    output = folder / f"{name}.txt"
    process = context.Process(target=_child, args=(str(folder), uri, parameters, output, how))
    process.start()
    return Drive(process, output)


def _meet_before_asking(driver: Any, barrier: Any) -> None:
    """Let all who wait at the barrier ask for the campaign in the same instant."""
    acquire = driver.acquire

    def together(self: Any) -> Any:
        driver.acquire = acquire
        barrier.wait()
        return acquire(self)

    driver.acquire = together


def _child(folder: str, uri: str, parameters: dict[str, Any], output: Path, how: Any) -> None:
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
    from al.tracking import driver

    torch.set_num_threads(1)
    driver.BEAT = how.get("beat", driver.BEAT)
    driver.LEASE = how.get("lease", driver.LEASE)
    if "host" in how:
        driver.platform.node = lambda: how["host"]  # type: ignore[assignment]
    try:
        campaign = al.Campaign(tracking_uri=uri, show_progress=False, **parameters)
        if "barrier" in how:
            _meet_before_asking(driver.Driver, how["barrier"])
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
