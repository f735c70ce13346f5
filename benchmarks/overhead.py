"""What a cycle of the pipeline costs over a plain script that does the same work.

In: one cycle inside a running campaign, from creating its run to ending it: select-data by
margin over the full pool, annotate by the oracle, compare, train, select-model, validation
and test evaluation, the state saved. Out, as they are paid once a process and not once a
cycle: imports, creating the database, opening the campaign (data set, splits, its run); they
are measured apart. The script's data set is in memory before its clock starts, too.

Pipeline and script take turns in one process, cycle by cycle, and each goes on from its own
model; `same` says that they asked about the same samples and reached the same test accuracy.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import torch

from al.pipeline.cycle import Cycle
from al.pipeline.session import Session, open_session
from al.tracking import tracking_at
from benchmarks.common import EXPERIMENT, Row, own_store, report
from benchmarks.plain import Script
from benchmarks.profiling import pipeline_cycle, profile

#: The labelled set grows with each cycle; it is near 300 at the middle repeat of five.
SIZES = {
    "fashion-mnist": {"initial_size": 220, "query_size": 20},
    "digits": {"initial_size": 20, "query_size": 20},
}
#: Cycles before the clock counts: one without a model, one that warms everything up.
WARM = 2
CHILDREN = {
    "python alone": "pass",
    "import torch": "import torch",
    "import mlflow": "import mlflow",
    "import al.pipeline, with mlflow and torch": "import al.pipeline",
}


@contextmanager
def running(task: str, device: str, epochs: int) -> Iterator[Session]:
    """A campaign without early stopping, whose winners are all promoted and so evaluated."""
    with own_store() as uri, tracking_at(uri):
        given = {"task": task, **SIZES[task], "device": device, "baseline": "none"}
        given |= {"promote": "always", "epochs": epochs, "patience": epochs}
        yield open_session(given, experiment=EXPERIMENT)


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work returns, its wall and its CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def by_turns(session: Session, script: Script, repeats: int) -> Iterator[Row]:
    """One cycle of the pipeline, the same of the script, and again."""
    row = {id: row for row, id in enumerate(session.data.ids("train"))}
    for number in range(1, WARM + repeats + 1):
        cycle: Cycle
        cycle, wall, cpu = timed(partial(pipeline_cycle, session))
        assert cycle.query is not None
        assert session.state.champion is not None
        asked = [row[id] for id in cycle.query.ids]
        # The first query is drawn, not scored: the script is told.
        work = (number, asked) if number == 1 else (number,)
        (picks, accuracy), plain_wall, plain_cpu = timed(partial(script.cycle, *work))
        if number <= WARM:
            continue
        close = abs(accuracy - session.state.champion.test["accuracy"]) < 1e-6
        yield {
            "task": session.config.task,
            "labels": len(script.labelled),
            "pipeline s": wall,
            "script s": plain_wall,
            "ratio": wall / plain_wall,
            "difference s": wall - plain_wall,
            "pipeline CPU s": cpu,
            "script CPU s": plain_cpu,
            "same": "yes" if picks == asked and close else "no",
        }


def summary(rows: list[Row]) -> Row:
    """One row for a task.

    Ratio and difference are medians over pairs, which ran right after each other: what else
    the machine does changes more from minute to minute than from one side to the other.
    """
    names = ("labels", "pipeline s", "script s", "ratio", "difference s")
    ratios = [row["ratio"] for row in rows]
    return {
        "task": rows[0]["task"],
        **{name: float(statistics.median(row[name] for row in rows)) for name in names},
        "ratios": f"{min(ratios):.2f} … {max(ratios):.2f}",
        "same": "yes" if all(row["same"] == "yes" for row in rows) else "no",
    }


def once(repeats: int = 3) -> list[Row]:
    """What a process pays once, in processes of their own, and what a store pays once."""
    rows: list[Row] = []
    for what, code in CHILDREN.items():
        command = [sys.executable, "-c", code]
        walls = [timed(partial(subprocess.run, command, check=True))[1] for _ in range(repeats)]
        rows.append({"once": what, "seconds": statistics.median(walls)})
    walls = []
    for _ in range(repeats):
        start = time.perf_counter()
        with own_store():
            walls.append(time.perf_counter() - start)
    return [*rows, {"once": "a new database", "seconds": statistics.median(walls)}]


@click.command(context_settings={"show_default": True})
@click.option("--task", "tasks", multiple=True, default=tuple(SIZES), type=click.Choice([*SIZES]))
@click.option("--repeats", default=5, type=click.IntRange(min=1))
@click.option("--epochs", default=60, type=click.IntRange(min=1))
@click.option("--device", default="auto")
@click.option("--threads", default=0, type=click.IntRange(min=0), help="Of torch; 0: its own.")
def main(tasks: tuple[str, ...], repeats: int, epochs: int, device: str, threads: int) -> None:
    """Time cycles of the pipeline beside a plain script."""
    if threads:
        torch.set_num_threads(threads)
    starts, rows, found, profiles = once(), list[Row](), list[Row](), dict[str, list[Row]]()
    for task in tasks:
        start = time.perf_counter()
        with running(task, device, epochs) as session:
            opened = time.perf_counter() - start
            starts.append({"once": f"{task}: new store, campaign opened", "seconds": opened})
            script = Script(session)
            measured = list(by_turns(session, script, repeats))
            rows += measured
            found.append(summary(measured))
            profiles |= profile(session, script)
    report(
        "overhead",
        {"Once": starts, **profiles, "Each cycle": rows, "Median cycle": found},
        threads=torch.get_num_threads(),
        epochs=epochs,
    )


if __name__ == "__main__":
    main()
