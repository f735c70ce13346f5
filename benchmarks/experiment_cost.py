"""What a campaign of an experiment costs above the bare loop: choose, fit, evaluate.

    python -m benchmarks.experiment_cost

A trial, with its run in MLflow, takes turns with a loop of the same strategy on the same graphs
and data that keeps the weights of its best epoch in memory, writes nothing and looks at nothing
twice. `same` says that both came to the same test figures, so that the work is the same.
"""

from __future__ import annotations

import copy
import os
import platform
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy import stats

from al.config import Config
from al.contracts import Graph
from al.data import fetch
from al.data_selector.pool_pass import BATCH
from al.experiment.experiment import record
from al.experiment.plan import Job, Plan
from al.experiment.prepared import alone, makings_of, settled, tried
from al.graphs import EstimatorGraph
from al.pipeline.making import Makings
from al.randomness import generator, seeded, torch_seed
from al.strategies import ArrayView, build
from al.tasks.adult import COLUMNS, FILES, URL
from al.tracking import Run, Store, tracking_at
from benchmarks.common import EXPERIMENT, Row, own_store, report
from benchmarks.overhead import Cost, timed

#: What is learned, by name; rows of one's own are 5,000 of Adult in a CSV. The loop knows no
#: copies, so that all samples are kept.
TASKS: dict[str, dict[str, Any]] = {
    "digits": {"task": "digits", "copies": "keep"},
    "5,000 rows, boosting": {"task": "table", "target": "income", "copies": "keep"},
}
STRATEGIES = ("random", "margin", "badge")
ROWS = 5000


class Bare:
    """The loop; it knows the labels of all training samples."""

    def __init__(self, makings: Makings) -> None:
        self.config, self.data, self.makings = makings.config, makings.data, makings
        self.ids = self.data.ids("train")
        self.labelled: list[str] = []
        self.champion: Graph | None = None

    def run(self) -> list[float]:
        """The test figure of each cycle."""
        found = []
        for number in range(1, self.config.cycles + 1):
            self.labelled += self.choose(number)
            self.champion = self.fit(number)
            found.append(self.evaluate(self.champion, "test")[self.makings.task.metric])
        return found

    def choose(self, number: int) -> list[str]:
        """The ids of a query."""
        config = self.config
        begins = self.champion is None
        strategy = build(config.cold_start if begins else config.strategy)
        known = set(self.labelled)
        rows = np.array([row for row, id in enumerate(self.ids) if id not in known])
        pool = [self.ids[row] for row in rows]
        reads = {"probabilities" if "." in name else name for name in strategy.reads}
        said = {name: all_[rows] for name, all_ in self.said(sorted(reads)).items()}
        picks = strategy(
            ArrayView(pool, **said),
            config.initial_size if begins else config.query_size,
            generator(config.seed, number, "select-data"),
        )
        return [pool[position] for position in picks.positions]

    def said(self, names: list[str]) -> dict[str, np.ndarray]:
        """What the champion says of all training samples, in the pipeline's batches."""
        if not names or self.champion is None:
            return {}
        batches = self.data.batches(self.ids, batch_size=BATCH)
        parts = [self.champion.infer(batch, names, samples=1, seed=0) for batch in batches]
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def fit(self, number: int) -> Graph:
        """The graph with the weights of its best epoch."""
        config = self.config
        with seeded(torch_seed(config.seed, number, "init", 0)):
            graph: Any = self.makings.new_graph()
            graph.prepare_training(lr=config.lr, epochs=config.epochs)
        truth = self.data.truth(self.labelled)
        if isinstance(graph, EstimatorGraph):
            (batch,) = self.data.batches(self.labelled, truth, batch_size=len(truth))
            seed = torch_seed(config.seed, number, "fit", 0)
            graph.fit(np.asarray(batch.inputs), np.asarray(batch.targets), seed)
            self.evaluate(graph, "val")
            return graph
        best: list[float] = []
        stale = 0
        for epoch in range(1, config.epochs + 1):
            self.epoch(graph, truth, number, epoch)
            figures = {f"val/{name}": v for name, v in self.evaluate(graph, "val").items()}
            rank, stale = self.makings.criterion.rank(figures), stale + 1
            if not best or rank > best:
                best, kept, stale = rank, copy.deepcopy(graph.network.state_dict()), 0
            if stale >= config.patience:
                break
        graph.network.load_state_dict(kept)
        return graph

    def epoch(self, graph: Any, truth: Any, number: int, epoch: int) -> None:
        """One pass over the labelled set."""
        seed, size = self.config.seed, graph.batch_size(self.config.batch_size, len(truth))
        shuffle = generator(seed, number, "shuffle", 0, epoch)
        batches = self.data.batches(self.labelled, truth, batch_size=size, shuffle=shuffle)
        with seeded(torch_seed(seed, number, "dropout", 0, epoch)):
            for batch in batches:
                graph.train_batch(batch)
        graph.scheduler.step()

    def evaluate(self, graph: Graph, split: Any) -> Mapping[str, float]:
        """The metrics on a split."""
        ids = self.data.ids(split)
        return graph.evaluate(self.data.batches(ids, self.data.truth(ids), batch_size=512))


def pairs(
    given: Mapping[str, Any], strategy: str, seeds: int, store: Store, run: Run
) -> Iterator[Row]:
    """Campaigns and bare loops by turns; each goes first in every other one."""
    for job in Plan(given, (strategy,), seeds, {}).jobs():
        config = settled(job.config, telling=False).replace(seed=job.seed)
        job = replace(job, config=config)

        def trial(job: Job = job) -> list[float]:
            points = tried(None, job)
            record(store, run, job, points)
            metric = makings_of(job.config).task.metric
            return [point.test[metric] for point in points]

        def loop(config: Config = config) -> list[float]:
            return Bare(makings_of(config)).run()

        works: dict[str, Callable[[], list[float]]] = {"campaign": trial, "bare": loop}
        found: dict[str, list[float]] = {}
        took: dict[str, Cost] = {}
        for name in sorted(works, reverse=job.seed % 2 == 0):
            found[name], took[name] = timed(works[name])
        above = took["campaign"].seconds - took["bare"].seconds
        cpu = took["campaign"].cpu - took["bare"].cpu
        yield {
            "campaign s": took["campaign"].seconds / config.cycles,
            "bare s": took["bare"].seconds / config.cycles,
            "above s": above / config.cycles,
            "above CPU s": cpu / config.cycles,
            "same": np.allclose(found["campaign"], found["bare"], atol=1e-6),
        }


def summary(rows: list[Row]) -> Row:
    """Medians over pairs, with intervals of the medians by order statistics."""
    names = [name for name in rows[0] if name != "same"]
    found: Row = {}
    for name in names:
        values = [row[name] for row in rows]
        found[name] = float(statistics.median(values))
        if name.startswith("above"):
            low, high = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
            found[f"{name}, 95 %"] = f"{low:.3f} … {high:.3f}"
    return {**found, "pairs": len(rows), "same": sum(row["same"] for row in rows)}


def csv_of_rows(folder: Path) -> Path:
    """Rows of Adult as a user has them: with a header, in an order of their own."""
    name, sha256 = FILES["train"]
    path = fetch("adult", name, URL + name, sha256)
    rows = pd.read_csv(path, names=COLUMNS, skipinitialspace=True)
    rows.sample(ROWS, random_state=0).to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


@click.command(context_settings={"show_default": True})
@click.option("--seeds", default=11, type=click.IntRange(min=7), help="The first warms up.")
@click.option("--cycles", default=10, type=click.IntRange(min=2))
@click.option("--strategies", default="; ".join(STRATEGIES))
def main(seeds: int, cycles: int, strategies: str) -> None:
    """Time campaigns of an experiment beside the bare loop."""
    alone()
    rows: list[Row] = []
    with TemporaryDirectory() as folder, own_store() as uri, tracking_at(uri):
        file = str(csv_of_rows(Path(folder)))
        store = Store(EXPERIMENT)
        run = store.create("cost", {}, kind="experiment")
        for name, task in TASKS.items():
            given = {**task, "cycles": cycles, **({"data": file} if "target" in task else {})}
            for strategy in strategies.split("; "):
                _, *found = pairs(given, strategy, seeds, store, run)
                rows.append({"task": name, "strategy": strategy, **summary(found)})
                click.echo(rows[-1])
        run.end("FINISHED")
    report(
        "experiment_cost",
        {"Seconds a cycle": rows},
        command=f"python -m benchmarks.experiment_cost --seeds {seeds} --cycles {cycles} "
        f"--strategies {strategies!r}",
        seeds=seeds,
        processor=f"{platform.machine()}, {os.cpu_count()} cores",
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )


if __name__ == "__main__":
    main()
