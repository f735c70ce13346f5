"""What scoring a pool costs on a Ray cluster, against the same in this process.

The two take turns over the whole training pool of one model; workers are there before a turn
begins, and what their start costs is told apart. CPU seconds are those of this process and of
all that it began. Whether the rows are the same is checked to the last bit. From what was
measured, a simulation says how well more workers would be used, where the driver hands out
shards one after the other and takes them in.
"""

from __future__ import annotations

import heapq
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import psutil
import torch

from al.catalog import engines
from al.contracts import Engine
from al.data_selector.pool_pass import SHARD
from al.pipeline import Campaign
from al.pipeline.cycle import Cycle
from al.pipeline.opening import look_into
from al.pipeline.scoring import view_of
from al.processor import processor_of
from al.tracking import tracking_at
from benchmarks.common import EXPERIMENT, Row, command, own_store, report

OUTPUTS = ("probabilities", "embeddings", "samples")
#: Whose CPU seconds are held against those of this process alone.
COUNTED = {
    "local": {"CPU": ("driver",), "CPU with Ray's": ("driver",)},
    "ray": {"CPU": ("driver", "workers"), "CPU with Ray's": ("driver", "workers", "Ray")},
}


def cpu() -> dict[str, float]:
    """CPU seconds of this process, of workers, and of Ray's own processes below it."""
    found = {"driver": 0.0, "workers": 0.0, "Ray": 0.0}
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        try:
            times, words = process.cpu_times(), " ".join(process.cmdline())
        except psutil.Error:
            continue
        who = "driver" if process == me else "workers" if "ray::Worker" in words else "Ray"
        found[who] += times.user + times.system
    return found


def score(given: dict[str, Any], engine: Engine, folder: Path) -> tuple[Row, np.ndarray]:
    """One pass over the pool, and its probabilities."""
    session = look_into(given, experiment=EXPERIMENT)
    assert session is not None
    session.engine = engine
    os.environ["AL_CACHE_DIR"] = str(folder)
    cycle = Cycle(session, 2, session.run, champion_version=1)
    with closing(view_of(cycle)) as view:
        before, begun = cpu(), time.perf_counter()
        view.score(OUTPUTS)
        wall = time.perf_counter() - begun
        after = cpu()
        rows = view.probabilities
        count = len(session.data.ids("train"))
    spent = {who: after[who] - before[who] for who in after}
    return {"wall": wall, **spent, "samples": count}, np.array(rows)


def simulated(workers: int, shards: int, work: float, driver: float) -> float:
    """Share of their time that workers work, where one driver serves them in turn.

    Args:
        work, driver: seconds of a shard at a worker and at the driver.
    """
    free, at = [0.0] * workers, 0.0
    heapq.heapify(free)
    for _ in range(shards):
        at = max(at, heapq.heappop(free)) + driver
        heapq.heappush(free, at + work)
    return shards * work / (workers * max(free))


def turns(task: str, rounds: int, workers: int) -> tuple[list[Row], float]:
    """Rows of all turns, and seconds until the first worker was there."""
    given = {"task": task, "campaign": "c", "cycles": 1, "epochs": 2, "baseline": "none",
             "report": "off", "cold_start": "random"}  # fmt: skip
    options = {"address": "here", "workers": str(workers), "cpus": "1"}
    found: list[Row] = []
    with own_store() as uri, tracking_at(uri), TemporaryDirectory() as folder:
        Campaign(experiment=EXPERIMENT, show_progress=False, **given).run()  # type: ignore[arg-type]
        ray = engines.get("ray")(options)
        contestants: dict[str, Engine] = {"local": engines.get("local")(), "ray": ray}
        begun = time.perf_counter()
        score(given, ray, Path(folder) / "warm")
        first = time.perf_counter() - begun
        for number in range(rounds):
            rows = {}
            for name, engine in contestants.items():
                row, rows[name] = score(given, engine, Path(folder) / f"{name}{number}")
                found.append({"engine": name, "round": number, **row})
            assert np.array_equal(rows["local"], rows["ray"]), "other rows than in this process"
        ray.close()
    return found, first


def compared(rows: Sequence[Row]) -> list[Row]:
    """Medians, and the ratios of one round: their median, and the least and the largest.

    Workers and Ray's own processes are there while this process works alone as well, and do not
    count then.
    """
    table = []
    base = [row for row in rows if row["engine"] == "local"]
    for name in ("local", "ray"):
        own = [row for row in rows if row["engine"] == name]
        both = list(zip(own, base, strict=True))
        ratios = {
            what: [sum(mine[who] for who in counted) / other["driver"] for mine, other in both]
            for what, counted in COUNTED[name].items()
        }
        ratios["wall"] = [mine["wall"] / other["wall"] for mine, other in both]
        table.append(
            {
                "engine": name,
                "samples": own[0]["samples"],
                **{
                    f"{who}, CPU s": statistics.median(row[who] for row in own)
                    for who in ("driver", "workers", "Ray")
                },
                "wall s": statistics.median(row["wall"] for row in own),
                **{what: statistics.median(of_rounds) for what, of_rounds in ratios.items()},
                **{
                    f"{what}, range": f"{min(of_rounds):.2f} … {max(of_rounds):.2f}"
                    for what, of_rounds in ratios.items()
                },
            }
        )
    return table


def scaled(table: Sequence[Row], samples: int) -> list[Row]:
    """How well workers would be used on a pool of so many samples, by a model like this one and
    by models that take longer."""
    ray = table[1]
    pieces = -(-ray["samples"] // SHARD)
    work, driver = ray["workers, CPU s"] / pieces, ray["driver, CPU s"] / pieces
    return [
        {
            "model": f"{times} × as slow" if times > 1 else "this one",
            "workers": workers,
            "s a shard, worker": times * work,
            "s a shard, driver": driver,
            "used": simulated(workers, -(-samples // SHARD), times * work, driver),
        }
        for times in (1, 10, 100)
        for workers in (2, 10, 100)
    ]


@click.command()
@click.option("--task", default="fashion-mnist")
@click.option("--rounds", default=5)
@click.option("--workers", default=2)
@click.option("--samples", default=10**8, help="Of the pool that is simulated.")
def main(task: str, rounds: int, workers: int, samples: int) -> None:
    """Score a pool on a Ray cluster on this machine and in this process, in turns."""
    torch.set_num_threads(1)
    rows, first = turns(task, rounds, workers)
    table = compared(rows)
    report(
        "engines",
        {f"Scoring {task}, {rounds} rounds": table, "By simulation": scaled(table, samples)},
        rows=rows,
        start_and_first_pass=first,
        command=command(),
        seeds=[0],
        processor=processor_of("cpu"),
        date=f"{date.today()}",
    )
    click.echo(f"\nThe cluster's start, the workers' and their first pass took {first:.1f} s.")


if __name__ == "__main__":
    main()
