"""What steps and moved images bring where a network learns from few labelled images.

Each learner trains as in a campaign: 60 epochs at most, patience 20, batches of 32, 100
validation labels besides. A seed draws validation, test and the order of the labels for all
learners alike. Results are kept one by one, so that a run that was killed goes on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from al.contracts import DataLoader, Splits, Task
from al.graphs import AUGMENTS
from benchmarks.common import RESULTS, Row, classified, command, report
from benchmarks.encoders import shown
from benchmarks.training import Rows, trained

BUDGETS = (50, 100, 300)
VALIDATION = 100
#: Attributes of the graph that make a learner.
LEARNERS: dict[str, dict[str, Any]] = {
    "an epoch is once through the labels": {"augment": None},
    "256 samples an epoch": {"epoch_samples": 256, "augment": None},
    **{
        f"256 samples an epoch, {name}": {"epoch_samples": 256, "augment": AUGMENTS[name]}
        for name in ("crops", "flips")
    },
}


def pets3(folder: Path) -> tuple[Task, int]:
    """600 photographs of three breeds at 64 px; the sizes of pool and test are 350 and 150."""
    from al.tasks.image_folder import ImageFolder

    return ImageFolder(str(classified(folder)), encoder="none"), 150


def fashion_mnist(folder: Path) -> tuple[Task, int]:
    """70,000 images of clothes in ten classes at 28 px; 2,000 of them are the test."""
    from al.tasks.fashion_mnist import FashionMnist

    return FashionMnist(), 2000


DATA = {"pets3": pets3, "fashion-mnist": fashion_mnist}


def accuracies(
    task: Task, data: DataLoader, held: int, seed: int, budget: int, learner: str
) -> float:
    """On the test, after training on so many labels."""
    order = np.random.default_rng([seed, 3]).permutation(_labelled(data)).tolist()
    test, val, pool = np.split(np.array(order), [held, held + VALIDATION])
    graph = trained(
        task, data, pool[:budget].tolist(), val.tolist(), epochs=60, patience=20,
        draw=(seed, 1, 0), **LEARNERS[learner],
    )  # fmt: skip
    ids = test.tolist()
    return float(graph.evaluate(data.batches(ids, data.truth(ids), batch_size=64))["accuracy"])


def _labelled(data: DataLoader) -> list[str]:
    return sorted(id for split in ("train", "val", "test") for id in data.ids(split))  # type: ignore[arg-type]


@click.command()
@click.option("--data", multiple=True, type=click.Choice(list(DATA)), default=list(DATA))
@click.option("--budget", "budgets", multiple=True, type=int, default=BUDGETS)
@click.option("--learner", "learners", multiple=True, type=click.Choice(list(LEARNERS)))
@click.option("--seeds", default=5, show_default=True)
def main(data: Sequence[str], budgets: Sequence[int], learners: Sequence[str], seeds: int) -> None:
    """Print a table for each data set, and keep it as JSON."""
    rows = Rows(RESULTS / "augmenting.jsonl")
    chosen = learners or list(LEARNERS)
    tables: dict[str, list[Row]] = {}
    for name in data:
        with TemporaryDirectory() as place:
            task, held = DATA[name](Path(place))
            loader = task.data()
            if not loader.ids("test"):
                loader.freeze(Splits((), ()))
            for seed in range(seeds):
                for budget in budgets:
                    for learner in chosen:
                        key = (name, learner, budget, seed)
                        if key not in rows.found:
                            begun = time.process_time()
                            found = accuracies(task, loader, held, seed, budget, learner)
                            rows.keep(key, (found, time.process_time() - begun))
                            click.echo(f"{key}: {found:.3f}", err=True)
        found = {
            learner: np.array([[rows.found[name, learner, b, s] for b in budgets]
                               for s in range(seeds)])
            for learner in chosen
        }  # fmt: skip
        first = found[chosen[0]]
        tables[f"{name}: accuracy, {seeds} seeds"] = [
            {
                "learner": learner,
                **{str(b): shown(values[:, at, 0]) for at, b in enumerate(budgets)},
                f"{budgets[-1]}, less the first": shown((values - first)[:, -1, 0], sign=True),
                "seconds": float(np.median(values[:, -1, 1])),
            }
            for learner, values in found.items()
        ]
    report("augmenting", tables, seeds=seeds, command=command(), date=f"{date.today()}")


if __name__ == "__main__":
    main()
