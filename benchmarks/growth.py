"""What a campaign costs as it grows: files, bytes and seconds of each cycle against its number.

Training takes longer with more labels, and is left out; all else should not know how many
cycles there were. Slopes are Theil and Sen's, the median over all pairs of cycles, with a
95 % interval: what else the machine does in some cycles moves it little. Parts of a cycle are
in seconds of CPU, which tell more where the machine is shared. As a machine may itself become
slower over minutes, the same work is done before and after each cycle, and seconds of the cycle
are also given in that unit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from scipy.stats import theilslopes

from al.pipeline.opening import open_session
from al.tracking import tracking_at
from benchmarks.common import EXPERIMENT, Row, own_store, report
from benchmarks.profiling import pipeline_cycle

#: Cycles before the first that counts: one without a model, and those that warm up.
WARM = 5


def size_of(folder: Path) -> tuple[int, int]:
    """Files and bytes of all artifacts."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


#: What the same work is done on.
_DOCUMENT = {str(n): [n, str(n) * 3, {"a": n}] for n in range(3000)}


def same_work() -> float:
    """Seconds of CPU that a piece of work takes now, which is the same each time."""
    start = time.process_time()
    for _ in range(5):
        found = json.loads(json.dumps(_DOCUMENT))
        sorted(found, key=lambda key: found[key][0])
    return time.process_time() - start


def measured(cycles: int, query_size: int, epochs: int) -> list[Row]:
    """A row for each cycle of one campaign on digits."""
    given: dict[str, Any] = {"task": "digits", "query_size": query_size, "baseline": "none"}
    given |= {"promote": "always", "epochs": epochs, "patience": epochs, "cycles": cycles}
    rows: list[Row] = []
    with own_store() as uri, tracking_at(uri):
        artifacts = Path(uri.removeprefix("sqlite:///")).with_name("artifacts")
        session = open_session(given, experiment=EXPERIMENT)
        before = size_of(artifacts)
        for number in range(1, cycles + 1):
            steps: dict[str, float] = {}
            work = same_work()
            start = time.perf_counter()
            pipeline_cycle(session, steps, time.process_time)
            seconds = time.perf_counter() - start
            work += same_work()
            now, alone = size_of(artifacts), steps["all"] - steps.get("train", 0.0)
            rows.append(
                {
                    "cycle": number,
                    "files": now[0] - before[0],
                    "bytes": now[1] - before[1],
                    "seconds": seconds,
                    "CPU s without training": alone,
                    "CPU s of the same work": work,
                    "without training, in the same work": alone / work,
                    **{f"{name}, CPU s": took for name, took in steps.items() if name != "all"},
                }
            )
            before = now
            click.echo(f"cycle {number}: {rows[-1]}", err=True)
        session.driver.release()  # type: ignore[union-attr]
    return rows


def slopes(rows: Sequence[Row]) -> list[Row]:
    """How each figure grows with the number of the cycle, per 100 cycles."""
    counted = rows[WARM:]
    numbers = [row["cycle"] for row in counted]
    found = []
    for name in list(counted[0])[1:]:
        values = np.array([row[name] for row in counted], dtype=float)
        slope, _, low, high = theilslopes(values, numbers)
        found.append(
            {
                "figure": name,
                "median": float(np.median(values)),
                "per 100 cycles": 100 * float(slope),
                "from": 100 * float(low),
                "to": 100 * float(high),
                "holds zero": "yes" if low <= 0 <= high else "no",
            }
        )
    return found


@click.command(context_settings={"show_default": True})
@click.option("--cycles", default=200, type=click.IntRange(min=WARM + 5))
@click.option("--query-size", default=6, type=click.IntRange(min=1))
@click.option("--epochs", default=20, type=click.IntRange(min=1))
def main(cycles: int, query_size: int, epochs: int) -> None:
    """Measure how a campaign's cycles grow."""
    torch.set_num_threads(1)
    rows = measured(cycles, query_size, epochs)
    report("growth", {"Slopes": slopes(rows)}, cycles=cycles, query_size=query_size, rows=rows)


if __name__ == "__main__":
    main()
