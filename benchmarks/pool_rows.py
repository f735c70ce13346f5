"""What a cycle costs over a table of many rows, beside the bare work of its model.

Each size is a process of its own: a campaign of gradient boosting on a table is opened, goes
through three cycles and is opened again, all that with one thread. The bare work is to fit the
same estimator to the labels of the last cycle and to run it once over all training rows, on an
array in memory. Linux only: peaks are reset where a part begins.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from benchmarks.common import EXPERIMENT, Row, own_store, report
from benchmarks.memory import peak

ROWS = (10_000, 31_600, 100_000, 316_000, 1_000_000)
FEATURES, CLASSES, FIRST, QUERY = 20, 5, 500, 500
#: Samples for test; as many for validation.
HELD_OUT = 500
#: Cycles before the one that counts: one without a model, one whose pass is the first.
WARM = 2


def table(rows: int, path: Path) -> None:
    """A table of numbers whose class is that of the nearest of a few centres."""
    import pandas as pd

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4 * CLASSES, FEATURES)).astype(np.float32)
    belongs = rng.integers(len(centres), size=rows)
    values = centres[belongs] + rng.normal(scale=0.9, size=(rows, FEATURES)).astype(np.float32)
    frame = pd.DataFrame(values, columns=[f"x{number}" for number in range(FEATURES)])
    frame["split"] = np.where(np.arange(rows) < HELD_OUT, "test", "")
    frame["kind"] = np.array([f"class {n}" for n in range(CLASSES)])[belongs % CLASSES]
    frame.to_parquet(path, index=False)


@contextmanager
def clocked(row: Row, name: str) -> Iterator[None]:
    """Seconds, those of CPU among them, and MiB above what was there before."""
    Path("/proc/self/clear_refs").write_text("5")
    before, start, busy = peak(), time.perf_counter(), time.process_time()
    yield
    row[f"{name} s"] = time.perf_counter() - start
    row[f"{name} CPU s"] = time.process_time() - busy
    row[f"{name} MiB"] = round(peak() - before)


def bare(session: Any, row: Row) -> None:
    """What the model alone takes: its fit and its pass."""
    from al.data_selector.pool_pass import SHARD

    labels, data = session.state.labels, session.data
    train, graph = data.ids("train"), session.new_graph()
    known = {name: at for at, name in enumerate(data.spec.classes)}
    fitted = next(iter(data.batches(labels.ids, batch_size=len(labels.ids)))).inputs.numpy()
    targets = np.array([known[label] for label in labels.labels])
    inputs = data.inputs(data.rows(train)).numpy()
    with clocked(row, "bare"):
        graph.fit(fitted, targets, 0)
        for begin in range(0, len(inputs), SHARD):
            graph.predict(inputs[begin : begin + SHARD])


def measured(rows: int) -> Row:
    """What a campaign over a table of that many rows takes."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: F401 - paid once
    from threadpoolctl import threadpool_limits

    import al.pipeline  # noqa: F401
    from al.pipeline.opening import open_session
    from al.progress import showing
    from al.tracking import tracking_at
    from benchmarks.profiling import pipeline_cycle

    row: Row = {"rows": rows}
    with TemporaryDirectory() as folder, own_store() as uri, tracking_at(uri), showing(False):
        path = Path(folder) / "rows.parquet"
        table(rows, path)
        given: dict[str, Any] = {
            "task": "table", "data": str(path), "target": "kind", "strategy": "margin",
            "initial_size": FIRST, "query_size": QUERY, "baseline": "none", "report": "off",
            "validation_size": HELD_OUT, "promote": "always", "cycles": WARM + 1,
        }  # fmt: skip
        with threadpool_limits(1):
            with clocked(row, "start"):
                session = open_session(given, experiment=EXPERIMENT)
            for number in range(WARM):
                with clocked(row, f"cycle {number + 1}"):
                    pipeline_cycle(session)
            steps: dict[str, float] = {}
            with clocked(row, "cycle"):
                pipeline_cycle(session, steps, time.process_time)
            row |= {f"{name} CPU s": took for name, took in steps.items() if name != "all"}
            bare(session, row)
            session.driver.release()  # type: ignore[union-attr]
            with clocked(row, "open"):
                session = open_session(given, experiment=EXPERIMENT)
            session.driver.release()  # type: ignore[union-attr]
    for clock in ("s", "CPU s"):
        row[f"cycle / bare, {clock}"] = row[f"cycle {clock}"] / row[f"bare {clock}"]
        row[f"open / cycle, {clock}"] = row[f"open {clock}"] / row[f"cycle {clock}"]
    return row


@click.command(context_settings={"show_default": True})
@click.option("--rows", multiple=True, default=ROWS, type=click.IntRange(min=2000))
@click.option("--here", is_flag=True, help="Measure one size in this process, and print it.")
def main(rows: tuple[int, ...], here: bool) -> None:
    """Measure campaigns over tables of these sizes."""
    if here:
        click.echo(json.dumps(measured(rows[0])))
        return
    found: list[Row] = []
    for count in rows:
        command = [sys.executable, "-m", "benchmarks.pool_rows", "--here", "--rows", str(count)]
        done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        click.echo(f"{count}: {found[-1]}", err=True)
    slopes: list[Row] = []
    if len(found) > 1:
        at = np.log([row["rows"] for row in found])
        for name in ("start", "cycle", "open", "bare"):
            took = np.log([row[f"{name} CPU s"] for row in found])
            slope = float(np.polyfit(at, took, 1)[0])
            slopes.append({"figure": name, "log CPU s on log rows": slope})
    report("pool_rows", {"Sizes": found, **({"Slopes": slopes} if slopes else {})})


if __name__ == "__main__":
    main()
