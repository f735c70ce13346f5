"""Margin against random on two data sets of UCI, as published by others, with this selector.

Lu, Li and Lin (2023), Re-benchmarking pool-based active learning for binary classification:
an RBF SVM, 40 % for testing, 20 samples to start, one query at a time until nothing is left,
150 seeds. Their area under the learning curve goes by the accuracies after each query,
without that of the initial set: the sum of the trapezoids, over the number of queries. So it
is smaller than the mean accuracy by one part in as many. The initial set is drawn at random,
not by class; a set that lacks a class is no start, and another is drawn.

Both strategies of a seed have the same split and the same initial set.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial

import click
import numpy as np
import pandas as pd
import torch
from scipy.integrate import trapezoid
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from al.catalog import strategies
from al.data.places import find
from al.data_selector import select
from al.experiment.statistics import mean_of
from al.processor import processor_of
from al.progress import bar
from al.randomness import generator
from al.strategies import ArrayView
from benchmarks.common import Row, report

INITIAL, TEST = 20, 0.4
STRATEGIES = ("margin", "random")


def _ionosphere() -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_csv(find("ionosphere", folder=True) / "ionosphere.csv", header=None)
    return table.iloc[:, :-1].to_numpy(float), (table.iloc[:, -1] == "g").to_numpy(int)


#: Name → the data, and the published areas of margin and random.
DATA: dict[str, tuple[Callable[[], tuple[np.ndarray, np.ndarray]], tuple[float, float]]] = {
    "breast cancer": (partial(load_breast_cancer, return_X_y=True), (0.9652, 0.9539)),
    "ionosphere": (_ionosphere, (0.9300, 0.9180)),
}


def curve(job: tuple[str, int, str], steps: int | None = None) -> list[float]:
    """Accuracy on the test split after each query."""
    data, seed, name = job
    strategy = strategies.get(name)
    x, y = DATA[data][0]()
    draw = generator(seed, 0, "split")
    order = draw.permutation(len(x))
    train, test = np.split(order, [int(len(x) * (1 - TEST))])
    scaler = StandardScaler().fit(x[train])
    x_train, y_train, x_test, y_test = scaler.transform(x[train]), y[train], x[test], y[test]
    x_test = scaler.transform(x_test)
    labelled = np.zeros(len(train), dtype=bool)
    while len(np.unique(y_train[labelled])) < 2:
        labelled[:] = False
        labelled[draw.choice(len(train), INITIAL, replace=False)] = True

    def fitted() -> SVC:
        return SVC(C=1.0, kernel="rbf", gamma="auto").fit(x_train[labelled], y_train[labelled])

    model, accuracies = fitted(), list[float]()
    for cycle in range(1, 1 + (steps or int((~labelled).sum()))):
        pool = np.flatnonzero(~labelled)
        # No probability of its own, and none is needed: the logistic function keeps the order.
        positive = 1 / (1 + np.exp(-model.decision_function(x_train[pool])))
        probabilities = np.stack([1 - positive, positive], axis=1)
        view = ArrayView([f"{row:03d}" for row in pool], probabilities=probabilities, cycle=cycle)
        rng = generator(seed, cycle, "select-data")
        query = select(strategy, view, 1, rng, name=name, model="none")
        labelled[[int(id) for id in query.ids]] = True
        model = fitted()
        accuracies.append(float(model.score(x_test, y_test)))
    return accuracies


def area(accuracies: list[float]) -> float:
    return float(trapezoid(accuracies)) / len(accuracies)


def compared(data: str, areas: np.ndarray) -> Row:
    """Areas [seeds, 2] of margin and random, next to the published ones."""
    gain = mean_of(areas[:, 0] - areas[:, 1])
    margin, random = DATA[data][1]
    published = margin - random
    return {
        "data": data,
        "seeds": len(areas),
        "margin": f"{areas[:, 0].mean():.4f}",
        "random": f"{areas[:, 1].mean():.4f}",
        "difference": f"{gain.value:+.4f}",
        "95 % interval": f"{gain.low:+.4f} … {gain.high:+.4f}",
        "seeds better": f"{int((areas[:, 0] > areas[:, 1]).sum())} of {len(areas)}",
        "published": f"{published:+.4f} ({margin:.4f} − {random:.4f})",
        "holds it": "yes" if gain.low <= published <= gain.high else "no",
    }


@click.command(context_settings={"show_default": True})
@click.option("--data", multiple=True, type=click.Choice(list(DATA)), default=list(DATA))
@click.option("--seeds", default=40, type=click.IntRange(min=1))
@click.option("--steps", type=click.IntRange(min=2), help="Queries. Default: until none is left.")
@click.option("--workers", default=2, type=click.IntRange(min=1), help="One thread each.")
def main(data: Sequence[str], seeds: int, steps: int | None, workers: int) -> None:
    """Repeat the published comparison with this project's margin."""
    jobs = [(name, seed, by) for name in data for seed in range(seeds) for by in STRATEGIES]
    os.environ["OMP_NUM_THREADS"] = "1"  # for the workers, which start afresh
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        done = pool.map(partial(curve, steps=steps), jobs)
        with bar(desc="campaigns", total=len(jobs)) as progress:
            found = []
            for accuracies in done:
                found.append(area(accuracies))
                progress.update()
    areas = np.array(found).reshape(len(data), seeds, len(STRATEGIES))
    rows = [compared(name, of) for name, of in zip(data, areas, strict=True)]
    report(
        "rebenchmark",
        {"Area under the curve of margin and of random": rows},
        command="python -m benchmarks.rebenchmark" + "".join(f" --data {n!r}" for n in data),
        seeds_drawn=f"0 … {seeds - 1}",
        processor=processor_of("cpu"),
        date=datetime.now(UTC).date().isoformat(),
        areas=dict(zip(data, areas.round(6).tolist(), strict=True)),
    )


if __name__ == "__main__":
    main()
