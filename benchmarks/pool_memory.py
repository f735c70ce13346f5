"""Memory that choosing takes above its inputs, pool by pool: it should not grow with them.

A small network scores pools of random samples through the pipeline's own view, kept on disk
as in a campaign; each pool is a process of its own. Linux only: the peak is reset once the
inputs are there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from benchmarks.common import Row, report
from benchmarks.memory import peak

POOLS, STRATEGIES, QUERY = (100_000, 400_000), ("margin", "bald"), 1000


def choose(count: int, text: str) -> tuple[float, float]:
    """MiB above the inputs, and MB on disk, of one query."""
    from torch import nn

    from al.data import ArrayLoader
    from al.data_selector import Model, View
    from al.engine import LocalEngine
    from al.graphs import ClassificationGraph
    from al.progress import showing
    from al.strategies import build

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(count, 32)).astype(np.float32)
    ids = [f"s{number:08d}" for number in range(count)]
    data = ArrayLoader(ids, inputs, np.zeros(count, int), list("abcdefghij"), [])
    data.freeze(data.propose_splits(100, 0))
    head = nn.Sequential(nn.Dropout(0.3), nn.Linear(64, 10))
    graph = ClassificationGraph(nn.Sequential(nn.Linear(32, 64), nn.ReLU()), head, data.spec)
    train = data.ids("train")
    with TemporaryDirectory() as folder, showing(False):
        view = View(
            train[10:],
            train[:10],
            data.truth(train[:10]),
            data=data,
            champion_model=Model(graph, "weights", 0),
            engine=LocalEngine(),
            folder=Path(folder),
        )
        Path("/proc/self/clear_refs").write_text("5")
        before = peak()
        build(text)(view, QUERY, rng)
        found = peak() - before, view.size / 1e6
        view.close()
    return found


@click.command()
@click.option("--only", nargs=2, type=str, help="Do this pool and strategy here.")
def main(only: tuple[str, str] | None) -> None:
    """Measure each pool and strategy in a process of its own."""
    if only:
        click.echo("{} {}".format(*choose(int(only[0]), only[1])))
        return
    rows: list[Row] = []
    for text in STRATEGIES:
        for count in POOLS:
            command = [sys.executable, "-m", "benchmarks.pool_memory", "--only", str(count), text]
            printed = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
            above, disk = map(float, printed.split()[-2:])
            rows.append(
                {"strategy": text, "pool": count, "MiB above": round(above), "MB kept": round(disk)}
            )
    report("pool_memory", {f"A query of {QUERY:,}": rows})


if __name__ == "__main__":
    main()
