"""What a pass of the network of fashion-mnist costs, and what its precision does to the picks.

Images a second as a pass scores them: as plain torch does, in batches of 256 with channels
first; as the pipeline does, in float32; and in bfloat16 (`precision=bfloat16`). The three take
turns, and 40 steps of training with channels first and last do; medians, and ratios of one turn.

Picks: the network learns from some labels, and each strategy asks for a query in float32 and in
bfloat16. Beside the share of picks in common stands that of two passes in float32 whose batches
are cut differently, which is what the order of arithmetic does alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import numpy as np
import torch

from al.catalog import tasks
from al.contracts import Batch, DataLoader
from al.graphs import ClassificationGraph
from al.randomness import seeded
from al.strategies import ArrayView, build
from benchmarks.common import Row, report

SHARD, BATCH, TASK = 4096, 256, "fashion-mnist"
STRATEGIES = ("margin", "entropy", "bald", "badge", "k_center")


def new_graph(data: DataLoader, *, last: bool = True) -> ClassificationGraph:
    """A fresh network, with its channels last or, as torch makes it, first."""
    with seeded(0):
        graph = tasks.get(TASK)().graph(data.spec)
    if not last:
        graph.network.to(memory_format=torch.contiguous_format)
        graph._in_pieces = False
    return graph


@contextmanager
def half(wanted: bool) -> Iterator[None]:
    with torch.autocast("cpu", torch.bfloat16, enabled=wanted):
        yield


def seconds(work: Callable[[], object], cpu: bool) -> float:
    clock = time.process_time if cpu else time.perf_counter
    start = clock()
    work()
    return clock() - start


def scored(graph: ClassificationGraph, batches: list[Batch], *, low: bool = False) -> ArrayView:
    """What strategies read of the network."""
    names = ("probabilities", "samples", "embeddings")
    with half(low):
        parts = [graph.infer(batch, names, samples=20, seed=1) for batch in batches]
    return ArrayView(**{name: np.concatenate([part[name] for part in parts]) for name in names})


def speed(data: DataLoader, repeats: int, cpu: bool) -> list[Row]:
    """Images a second of one deterministic pass, and seconds of 40 steps of training."""
    ids = data.ids("train")[:SHARD]
    batches = list(data.batches(ids, batch_size=BATCH))
    plain, ours = new_graph(data, last=False), new_graph(data)
    passes: dict[str, tuple[ClassificationGraph, bool]] = {
        "plain": (plain, False), "ours": (ours, False), "bfloat16": (ours, True),
    }  # fmt: skip

    def one_pass(graph: ClassificationGraph, low: bool) -> None:
        with half(low):
            for batch in batches:
                graph.infer(batch, ("probabilities",))

    some = list(data.batches(ids[: 40 * 64], data.truth(ids[: 40 * 64]), batch_size=64))

    def training(graph: ClassificationGraph) -> None:
        for batch in some:
            graph.train_batch(batch)

    learners = {"plain": plain, "ours": ours}
    for graph in learners.values():
        graph.prepare_training(lr=1e-3, epochs=1)
    took: dict[tuple[str, str], list[float]] = {}
    for turn in range(repeats + 1):  # the first warms up
        for name, given in passes.items():
            spent = seconds(lambda given=given: one_pass(*given), cpu)  # type: ignore[misc]
            took.setdefault(("pass", name), []).extend([spent] * (turn > 0))
        for name, graph in learners.items():
            spent = seconds(lambda graph=graph: training(graph), cpu)  # type: ignore[misc]
            took.setdefault(("40 steps", name), []).extend([spent] * (turn > 0))
    rows = []
    for (what, name), spent in took.items():
        ratios = np.array(took[what, "plain"]) / np.array(spent)
        rate = f"{SHARD / np.median(spent):.0f}" if what == "pass" else "–"
        rows.append({"what": what, "how": name, "seconds": float(np.median(spent)),
                     "images a second": rate, "times plain": float(np.median(ratios))})  # fmt: skip
    return rows


def picks(data: DataLoader, labels: int, pool: int, query: int) -> list[Row]:
    """Shares of a query that two passes of one network have in common."""
    ids = data.ids("train")
    known, asked = ids[:labels], ids[labels : labels + pool]
    graph = new_graph(data)
    graph.prepare_training(lr=1e-3, epochs=15)
    with seeded(1):
        for _ in range(15):
            for batch in data.batches(known, data.truth(known), batch_size=64):
                graph.train_batch(batch)
    batches = list(data.batches(asked, batch_size=BATCH))
    exact, low = scored(graph, batches), scored(graph, batches, low=True)
    other = scored(graph, list(data.batches(asked, batch_size=BATCH - 56)))
    truth = np.array([data.spec.classes.index(str(label)) for label in data.truth(asked)])
    right = [float((view.probabilities.argmax(1) == truth).mean()) for view in (exact, low)]
    rows: list[Row] = [{"strategy": "(accuracy on the pool)", "float32 again": right[0],
                        "bfloat16": right[1]}]  # fmt: skip
    for name in STRATEGIES:
        first, again, half_bits = (
            set(build(name)(view, query, np.random.default_rng(0)).positions.tolist())
            for view in (exact, other, low)
        )
        rows.append({"strategy": name, "float32 again": len(first & again) / query,
                     "bfloat16": len(first & half_bits) / query})  # fmt: skip
    return rows


@click.command(context_settings={"show_default": True})
@click.option("--repeats", default=7, type=click.IntRange(min=1))
@click.option("--threads", default=1, type=click.IntRange(min=1), help="Of torch.")
@click.option("--cpu", is_flag=True, help="Seconds of the processor: where others use it too.")
@click.option("--labels", default=500, type=click.IntRange(min=1), help="To learn from.")
@click.option("--pool", default=20_000, type=click.IntRange(min=1))
@click.option("--query", default=500, type=click.IntRange(min=1))
def main(repeats: int, threads: int, cpu: bool, labels: int, pool: int, query: int) -> None:
    """Time passes and training, and compare picks."""
    torch.set_num_threads(threads)
    data = tasks.get(TASK)().data()
    data.freeze(data.propose_splits(100, 0))
    clock = "of the processor" if cpu else "by the clock"
    tables = {
        f"{SHARD:,} images, {threads} thread(s), seconds {clock}": speed(data, repeats, cpu),
        f"Picks in common, {query:,} of {pool:,}, {labels:,} labels": picks(
            data, labels, pool, query
        ),
    }
    report("scoring", tables, repeats=repeats, threads=threads, cpu=cpu)


if __name__ == "__main__":
    main()
