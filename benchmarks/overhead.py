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

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import click
import torch

from al.pipeline.opening import open_session
from al.pipeline.session import Session
from al.tracking import tracking_at
from benchmarks.common import EXPERIMENT, Row, own_store, report
from benchmarks.plain import Script
from benchmarks.profiling import pipeline_cycle, profile
from benchmarks.safeguards import cost, sync_cost
from benchmarks.stores import compare

T = TypeVar("T")

TASKS = ("fashion-mnist", "digits")
#: Labels after the middle repeat on fashion-mnist; digits starts at the campaign's default.
LABELS, QUERY = 300, 20
#: Cycles before the clock counts: one without a model, one that warms everything up.
WARM = 2
CHILDREN = {
    "python alone": "pass",
    "import torch": "import torch",
    "import mlflow": "import mlflow",
    "import al.pipeline, with mlflow and torch": "import al.pipeline",
}


class Cost(NamedTuple):
    """What some work took; page faults cost system time that depends on what was freed before."""

    seconds: float
    cpu: float
    faults: int


def timed(work: Callable[[], T]) -> tuple[T, Cost]:
    """What the work returns, and what it took."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    found = work()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found, Cost(seconds, cpu, after.ru_minflt - before.ru_minflt)


@contextmanager
def running(task: str, device: str, epochs: int, repeats: int) -> Iterator[Session]:
    """A campaign without early stopping, whose winners are all promoted and so evaluated."""
    given: dict[str, Any] = {"task": task, "query_size": QUERY, "device": device}
    if task == "fashion-mnist":
        given["initial_size"] = max(QUERY, LABELS - QUERY * (WARM + (repeats + 1) // 2 - 1))
    given |= {"promote": "always", "epochs": epochs, "patience": epochs, "baseline": "none"}
    given |= {"report": "off"}  # benchmarks/report_cost.py measures what that takes
    with own_store() as uri, tracking_at(uri):
        session = open_session(given, experiment=EXPERIMENT)
        yield session
        session.driver.release()  # type: ignore[union-attr]


def by_turns(session: Session, script: Script, repeats: int) -> Iterator[Row]:
    """Cycles of the pipeline and of the script; each goes first in every other one."""
    row = {id: row for row, id in enumerate(session.data.ids("train"))}
    for number in range(1, WARM + repeats + 1):
        if number % 2 == 0:
            (picks, accuracy), plain = timed(partial(script.cycle, number))
        cycle, pipeline = timed(partial(pipeline_cycle, session))
        assert cycle.query is not None
        assert session.state.champion_record is not None
        asked = [row[id] for id in cycle.query.ids]
        if number % 2 == 1:  # the first query is drawn, not scored: the script is told
            given = asked if number == 1 else None
            (picks, accuracy), plain = timed(partial(script.cycle, number, given))
        if number <= WARM:
            continue
        agree = abs(accuracy - session.state.champion_record.test["accuracy"]) < 1e-6
        yield {
            "task": session.config.task,
            "labels": len(script.labelled),
            "pipeline s": pipeline.seconds,
            "script s": plain.seconds,
            "ratio": pipeline.seconds / plain.seconds,
            "difference s": pipeline.seconds - plain.seconds,
            "pipeline CPU s": pipeline.cpu,
            "script CPU s": plain.cpu,
            "pipeline page faults": pipeline.faults,
            "script page faults": plain.faults,
            "same": "yes" if picks == asked and agree else "no",
        }


def summary(rows: list[Row]) -> Row:
    """One row for a task.

    Ratio and difference are medians over pairs, which ran right after each other: what else
    the machine does changes more from minute to minute than from one side to the other.
    """
    names = ("pipeline s", "script s", "ratio", "difference s")
    ratios = [row["ratio"] for row in rows]
    return {
        "task": rows[0]["task"],
        "labels": round(statistics.median(row["labels"] for row in rows)),
        **{name: float(statistics.median(row[name] for row in rows)) for name in names},
        "ratios": f"{min(ratios):.2f} … {max(ratios):.2f}",
        "same": "yes" if all(row["same"] == "yes" for row in rows) else "no",
    }


def once(repeats: int = 3) -> list[Row]:
    """What a process pays once, in processes of their own, and what a store pays once."""
    rows: list[Row] = []
    for what, code in CHILDREN.items():
        command = [sys.executable, "-c", code]
        walls = [
            timed(partial(subprocess.run, command, check=True))[1].seconds for _ in range(repeats)
        ]
        rows.append({"once": what, "seconds": statistics.median(walls)})
    walls = []
    for _ in range(repeats):
        start = time.perf_counter()
        with own_store():
            walls.append(time.perf_counter() - start)
    return [*rows, {"once": "a new database", "seconds": statistics.median(walls)}]


@click.command(context_settings={"show_default": True})
@click.option("--task", "tasks", multiple=True, default=TASKS, type=click.Choice(TASKS))
@click.option("--repeats", default=5, type=click.IntRange(min=1))
@click.option("--pairs", default=8, type=click.IntRange(min=1), help="With and without safety.")
@click.option("--epochs", default=60, type=click.IntRange(min=1))
@click.option("--device", default="auto")
@click.option("--threads", default=0, type=click.IntRange(min=0), help="Of torch; 0: its own.")
@click.option("--store", is_flag=True, help="Cycles on PostgreSQL and S3 beside SQLite instead.")
def main(
    tasks: tuple[str, ...],
    repeats: int,
    pairs: int,
    epochs: int,
    device: str,
    threads: int,
    store: bool,
) -> None:
    """Time cycles of the pipeline beside a plain script."""
    if threads:
        torch.set_num_threads(threads)
    if store:
        rows, requests = zip(*(compare(way, repeats, epochs) for way in (False, True)), strict=True)
        tables = {"A cycle of digits": rows, "Through the server": requests[0]}
        report("store", {**tables, "Direct": requests[1]}, epochs=epochs)
        return
    starts, rows, found, profiles = once(), list[Row](), list[Row](), dict[str, list[Row]]()
    safety: list[Row] = []
    synced: list[Row] = []
    for task in tasks:
        start = time.perf_counter()
        with running(task, device, epochs, repeats) as session:
            opened = time.perf_counter() - start
            starts.append({"once": f"{task}: new store, campaign opened", "seconds": opened})
            script = Script(session)
            measured = list(by_turns(session, script, repeats))
            rows += measured
            found.append(summary(measured))
            profiles |= profile(session, script)
            safety.append(cost(session, pairs))
            synced.append(sync_cost(session, pairs))
    report(
        "overhead",
        {
            "Once": starts,
            **profiles,
            "Each cycle": rows,
            "Median cycle": found,
            "What surviving costs": safety,
            "What waiting for the disk costs": synced,
        },
        threads=torch.get_num_threads(),
        epochs=epochs,
    )


if __name__ == "__main__":
    main()
