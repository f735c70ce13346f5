"""What T = 20 Monte Carlo dropout samples cost: the trunk runs once, the head T times.

Against one deterministic pass, and against T passes of the whole network that draw the same
masks. The three take turns on the same batches; ratios are of one turn, and the median is
told.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import click
import numpy as np

from al.catalog import tasks
from al.contracts import Batch, Graph
from al.randomness import seeded
from benchmarks.common import Row, report

T, BATCH = 20, 256


def one_pass(graph: Graph, batch: Batch) -> np.ndarray:
    return graph.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]


def samples(graph: Graph, batch: Batch) -> np.ndarray:
    return graph.infer(batch, ("samples",), samples=T, seed=0)["samples"]


def full_passes(graph: Graph, batch: Batch) -> np.ndarray:
    parts = [graph.infer(batch, ("samples",), samples=1, seed=t)["samples"] for t in range(T)]
    return np.concatenate(parts, axis=1)


def timed(work: Callable[[Graph, Batch], np.ndarray], graph: Graph, batches: list[Batch]) -> float:
    start = time.perf_counter()
    for batch in batches:
        work(graph, batch)
    return time.perf_counter() - start


def measure(name: str, count: int, repeats: int) -> Row:
    """Medians over the repeats for one task's network, with random weights."""
    task = tasks.get(name)()
    data = task.data()
    data.freeze(data.propose_splits(100, 0))
    with seeded(0):
        graph = task.graph(data.spec)
    ids = data.ids("train")[:count]
    batches = list(data.batches(ids, batch_size=BATCH))
    ways = (one_pass, samples, full_passes)
    found = [way(graph, batches[0]) for way in ways]  # warms up, too
    rounds = np.array([[timed(way, graph, batches) for way in ways] for _ in range(repeats)])
    one, many, full = (statistics.median(column) for column in rounds.T.tolist())
    return {
        "task": name,
        "samples": len(ids),
        "one pass ms": 1000 * one,
        f"T = {T} ms": 1000 * many,
        f"{T} full passes ms": 1000 * full,
        f"T = {T} / one pass": float(np.median(rounds[:, 1] / rounds[:, 0])),
        "full passes / T": float(np.median(rounds[:, 2] / rounds[:, 1])),
        "same samples": bool(np.allclose(found[1], found[2], atol=1e-6)),
    }


@click.command(context_settings={"show_default": True})
@click.option("--task", "names", multiple=True, default=("fashion-mnist", "digits"))
@click.option("--count", default=1024, type=click.IntRange(min=1), help="Samples, at most.")
@click.option("--repeats", default=5, type=click.IntRange(min=1))
def main(names: Sequence[str], count: int, repeats: int) -> None:
    """Time the three ways on each task."""
    rows = [measure(name, count, repeats) for name in names]
    report("stochastic_passes", {f"T = {T} Monte Carlo dropout samples": rows}, repeats=repeats)


if __name__ == "__main__":
    main()
