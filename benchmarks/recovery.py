"""What a kill costs: the time a campaign takes with one, less the time it takes without.

    python -m benchmarks.recovery

A process drives a campaign and is killed with SIGKILL after a random time; another one ends
the campaign. Both times are counted from the call of `Campaign.run`, so that starting Python
and importing torch, which a user waits for as well, are left out of every figure. Part of what
a kill costs is opening the campaign in a new process, which a third one shows that has nothing
left to do.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from typing import Any

import click
import numpy as np

from benchmarks.common import EXPERIMENT, Row, own_store, report

CYCLES = 3


def _drive(uri: str, task: str, pipe: Any) -> None:
    os.environ["MLFLOW_EXPERIMENT_NAME"] = EXPERIMENT
    import torch

    import al

    torch.set_num_threads(1)
    campaign = al.Campaign(
        tracking_uri=uri, show_progress=False, cycles=CYCLES, baseline="none", campaign="c",
        task=task,
    )  # fmt: skip
    pipe.send(None)  # ready
    pipe.recv()
    start = time.monotonic()
    campaign.run()
    pipe.send(time.monotonic() - start)


def timed(uri: str, task: str, kill_after: float | None = None) -> float:
    """Seconds that a process drove the campaign, until it ended or was killed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_drive, args=(uri, task, theirs))
    process.start()
    ours.recv()
    start = time.monotonic()
    ours.send(None)
    if kill_after is not None and not ours.poll(kill_after):
        os.kill(int(process.pid or 0), signal.SIGKILL)
        process.join()
        return time.monotonic() - start
    seconds = float(ours.recv())
    process.join()
    return seconds


@click.command()
@click.option("--repeats", default=9, show_default=True, help="Campaigns with and without a kill.")
@click.option("--task", default="digits", show_default=True)
def main(repeats: int, task: str) -> None:
    """Print what a kill costs, against the length of a cycle."""
    rng = np.random.default_rng(0)
    whole, lost, opening = [], [], []
    for _ in range(repeats):
        with own_store() as uri:
            whole.append(timed(uri, task))
        with own_store() as uri:
            after = float(rng.uniform(0.1, 0.9)) * whole[-1]
            lost.append(timed(uri, task, after) + timed(uri, task) - whole[-1])
            opening.append(timed(uri, task))
    cycle = float(np.median(whole)) / CYCLES
    row: Row = {
        "cycle, s": cycle,
        "lost by a kill, s": float(np.median(lost)),
        "of it opening, s": float(np.median(opening)),
        "most lost, s": max(lost),
        "in cycles": float(np.median(lost)) / cycle,
    }
    report("recovery", {f"{task}, median of {repeats} kills": [row]}, repeats=repeats)


if __name__ == "__main__":
    main()
