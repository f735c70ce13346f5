"""What a strategy saves against random: accuracy by number of labels, paired by seed.

Campaigns of one seed share their validation split, their first query and the draws of their
training, so their difference is due to the strategy. Every winner is promoted, so a curve
shows what training on the labels so far gives, whether that is better or not. The labels of
the validation split come on top; they are the same for both.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from scipy import stats
from scipy.integrate import trapezoid

from al.config import Config
from benchmarks.common import EXPERIMENT, Row, own_store, report

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "label_efficiency.png"
#: Size of the campaigns of a task, and the accuracy that both strategies should reach.
TASKS: dict[str, dict[str, Any]] = {
    "digits": {"cycles": 10, "initial_size": 20, "query_size": 20, "target": 0.90},
    "fashion-mnist": {"cycles": 8, "initial_size": 50, "query_size": 50, "target": 0.75},
}


def curve(job: tuple[str, str, int], **parameters: Any) -> list[list[float]]:
    """(labels, test accuracy) of each cycle of one campaign."""
    import al

    task, strategy, seed = job
    with own_store() as uri, open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        campaign = al.Campaign(
            tracking_uri=uri,
            experiment=EXPERIMENT,
            show_progress=False,
            task=task,
            strategy=strategy,
            seed=seed,
            promote="always",
            baseline="none",
            **parameters,
        )
        points: list[list[float]] = campaign.run().curve.to_numpy().tolist()
    return points


def interval(values: np.ndarray) -> tuple[Any, Any]:
    """The 95 % t interval of the mean over seeds, the first axis: low and high."""
    mean, error = values.mean(axis=0), stats.sem(values, axis=0)
    half = stats.t.ppf(0.975, len(values) - 1) * error
    return mean - half, mean + half


def labels_to(target: float, labels: np.ndarray, accuracy: np.ndarray) -> float:
    """Where a curve first reaches the target, interpolated; nan where it never does."""
    reached = np.flatnonzero(accuracy >= target)
    if not len(reached):
        return float("nan")
    at = reached[0]
    if at == 0:
        return float(labels[0])
    return float(np.interp(target, accuracy[at - 1 : at + 1], labels[at - 1 : at + 1]))


def shown(low: float, high: float) -> str:
    return f"{low:+.3f} … {high:+.3f}"


def by_labels(labels: np.ndarray, ours: np.ndarray, random: np.ndarray) -> list[Row]:
    """Accuracy [seeds, cycles] of both, cycle by cycle."""
    low, high = interval(ours - random)
    return [
        {
            "labels": int(count),
            "strategy": float(ours[:, i].mean()),
            "random": float(random[:, i].mean()),
            "difference": float((ours - random)[:, i].mean()),
            "95 % interval": shown(low[i], high[i]),
            "seeds better": f"{int((ours > random)[:, i].sum())} of {len(ours)}",
        }
        for i, count in enumerate(labels)
    ]


def area(labels: np.ndarray, ours: np.ndarray, random: np.ndarray) -> Row:
    """Area under both curves, as mean accuracy over the range of labels."""
    areas = [trapezoid(c, labels, axis=1) / (labels[-1] - labels[0]) for c in (ours, random)]
    difference = areas[0] - areas[1]
    return {
        "strategy": float(areas[0].mean()),
        "random": float(areas[1].mean()),
        "difference": float(difference.mean()),
        "95 % interval": shown(*interval(difference)),
        "seeds better": f"{int((difference > 0).sum())} of {len(difference)}",
    }


def to_target(target: float, labels: np.ndarray, ours: np.ndarray, random: np.ndarray) -> Row:
    """Labels until the target; where a curve never reaches it, the seed is left out and told."""
    needed = np.array([[labels_to(target, labels, c) for c in curves] for curves in (ours, random)])
    reached = ~np.isnan(needed)
    both = needed[:, reached.all(axis=0)]
    ratios = both[0] / both[1]
    low, high = interval(ratios) if len(ratios) > 1 else (np.nan, np.nan)
    return {
        "target": target,
        "strategy reached": f"{reached[0].sum()} of {len(ours)}",
        "random reached": f"{reached[1].sum()} of {len(ours)}",
        "strategy labels": round(both[0].mean()) if len(ratios) else "–",
        "random labels": round(both[1].mean()) if len(ratios) else "–",
        "ratio": float(ratios.mean()) if len(ratios) else "–",
        "95 % interval": f"{low:.2f} … {high:.2f}" if len(ratios) > 1 else "–",
    }


def picture(found: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]) -> None:
    """Mean curves, with the 95 % interval of the mean over seeds."""
    validation = Config().validation_size
    figure = Figure(figsize=(5.2 * len(found), 3.8), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(found)))
    for axis, (task, (labels, curves)) in zip(axes, found.items(), strict=True):
        for (strategy, values), line in zip(curves.items(), ("-", "--"), strict=True):
            axis.plot(labels, values.mean(axis=0), line, marker="o", markersize=4, label=strategy)
            axis.fill_between(labels, *interval(values), alpha=0.2, linewidth=0)
        axis.set(title=task, xlabel=f"labels (plus {validation} for validation)")
        axis.set_ylabel("test accuracy")
        axis.grid(alpha=0.3)
        axis.legend(loc="lower right")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=120)


@click.command(context_settings={"show_default": True})
@click.option("--task", "tasks", multiple=True, default=tuple(TASKS), type=click.Choice([*TASKS]))
@click.option("--strategy", default="margin")
@click.option("--seeds", default=5, type=click.IntRange(min=2))
@click.option("--cycles", type=click.IntRange(min=2), help="Default: the task's, as for sizes.")
@click.option("--initial-size", type=click.IntRange(min=1))
@click.option("--query-size", type=click.IntRange(min=1))
@click.option("--target", type=click.FloatRange(0, 1), help="Accuracy to reach.")
@click.option("--epochs", default=60, type=click.IntRange(min=1))
@click.option("--workers", default=2, type=click.IntRange(min=1), help="One thread of torch each.")
def main(
    tasks: Sequence[str], strategy: str, seeds: int, epochs: int, workers: int, **given: Any
) -> None:
    """Run a strategy and random on each task with several seeds, and compare them."""
    found: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
    tables: dict[str, list[Row]] = {}
    areas, targets = list[Row](), list[Row]()
    # Spawned, as a fork would copy the locks of torch's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        for task in tasks:
            size = TASKS[task] | {key: value for key, value in given.items() if value is not None}
            target = size.pop("target")
            pairs = (strategy, "random")
            jobs = [(task, name, seed) for seed in range(seeds) for name in pairs]
            points: dict[tuple[str, str, int], np.ndarray] = {}
            done = pool.map(partial(curve, epochs=epochs, **size), jobs)
            for job, answer in zip(jobs, done, strict=True):
                points[job] = np.array(answer)
                click.echo(f"{' '.join(map(str, job))}: {answer[-1][1]:.3f} at the end", err=True)
            labels = points[jobs[0]][:, 0]
            ours, random = (
                np.stack([points[task, name, seed][:, 1] for seed in range(seeds)])
                for name in pairs
            )
            if not np.array_equal(ours[:, 0], random[:, 0]):
                raise click.ClickException(f"{task}: the first cycles differ; seeds do not pair")
            found[task] = labels, {strategy: ours, "random": random}
            tables[f"{task}: {strategy} against random by labels"] = by_labels(labels, ours, random)
            areas.append({"task": task, **area(labels, ours, random)})
            targets.append({"task": task, **to_target(target, labels, ours, random)})
    picture(found)
    tables |= {"Area under the learning curve": areas, "Labels to reach an accuracy": targets}
    curves = {
        task: {"labels": labels.tolist()} | {name: v.tolist() for name, v in values.items()}
        for task, (labels, values) in found.items()
    }
    report("label_efficiency", tables, strategy=strategy, epochs=epochs, curves=curves)


if __name__ == "__main__":
    main()
