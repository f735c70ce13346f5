"""Each task with a sensible strategy against random: metric by labels, paired by seed, and memory.

Every campaign is a process of its own, whose peak memory is its own. Campaigns of one seed
share their validation split and their first query, so their difference is due to the
strategy. Where less of a metric is better, a gain is what random is above the strategy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from typing import Any

import click
import numpy as np
from scipy.integrate import trapezoid

from al.catalog import tasks as catalog
from benchmarks.common import EXPERIMENT, Row, own_store, report
from benchmarks.label_efficiency import interval
from benchmarks.memory import peak

#: Of tasks of few images that take long to learn from.
IMAGES = {"initial_size": 16, "query_size": 12, "cycles": 4, "batch_size": 4, "epochs": 20}
#: Task → its strategy and the size of its campaigns.
TASKS: dict[str, dict[str, Any]] = {
    "digits": {"strategy": "margin"},
    "fashion-mnist": {"strategy": "margin", "initial_size": 50, "query_size": 50},
    "mnist": {"strategy": "bald", "initial_size": 40, "query_size": 40, "epochs": 30},
    "banking77": {"strategy": "margin", "initial_size": 200, "query_size": 100, "epochs": 30},
    "sms-spam": {"strategy": "margin", "initial_size": 40, "query_size": 40},
    "adult": {"strategy": "margin", "initial_size": 40, "query_size": 40},
    "bike-sharing": {"strategy": "igs", "initial_size": 60, "query_size": 60},
    "nuclei": {"strategy": "entropy", **IMAGES},
    "nuclei-boundary": {"strategy": "entropy", **IMAGES, "epochs": 40},
    "bccd": {"strategy": "entropy", **IMAGES, "lr": 0.001},
    "bccd-presence": {
        "strategy": "entropy",
        **IMAGES,
        "initial_size": 40,
        "query_size": 40,
        "epochs": 40,
        "lr": 0.001,
    },
}
#: Of tasks that are not listed, and what the listed ones do not say.
USUAL = {"strategy": "margin", "initial_size": 20, "query_size": 20, "cycles": 5}
VALIDATION = 40


def campaign(task: str, strategy: str, seed: int, given: dict[str, Any]) -> dict[str, Any]:
    """One campaign, here: its curve, its metric and the peak memory of this process."""
    import al
    from al.pipeline.opening import look_into
    from al.tracking import tracking_at

    parameters = {
        "task": task, "strategy": strategy, "seed": seed, "validation_size": VALIDATION,
        "promote": "always", "baseline": "none", **given,
    }  # fmt: skip
    with own_store() as uri, redirect_stdout(sys.stderr):
        made = al.Campaign(
            tracking_uri=uri, experiment=EXPERIMENT, show_progress=False, **parameters
        )
        result = made.run()
        with tracking_at(uri):
            session = look_into(parameters, experiment=EXPERIMENT)
        assert session is not None
        return {
            "curve": result.curve.to_numpy().tolist(),
            "metric": result.metric,
            "lower": session.lower,
            "peak": peak(),
        }


def in_a_process(job: tuple[str, str, int, dict[str, Any]]) -> dict[str, Any]:
    """The same in a process of its own."""
    task, strategy, seed, _ = job
    command = [sys.executable, "-m", "benchmarks.tasks", "--one", json.dumps(job)]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        raise click.ClickException(f"{task} by {strategy}, seed {seed}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    labels, value = found["curve"][-1]
    click.echo(f"{task} {strategy} {seed}: {value:.3f} at {labels:g} labels", err=True)
    return found


def area(curve: np.ndarray) -> float:
    """Area under a curve [cycles, 2] over its range of labels: a mean of the metric."""
    labels, values = curve.T
    return float(trapezoid(values, labels) / (labels[-1] - labels[0]))


def row(task: str, strategy: str, ours: list[Any], random: list[Any]) -> Row:
    """One task's figures over its seeds."""
    sign = -1 if ours[0]["lower"] else 1
    curves = [[np.array(found["curve"]) for found in side] for side in (ours, random)]
    ends = [np.array([curve[-1, 1] for curve in side]) for side in curves]
    areas = [np.array([area(curve) for curve in side]) for side in curves]
    gains = sign * (areas[0] - areas[1])
    low, high = interval(gains)
    better = "yes" if low > 0 else "no, worse" if high < 0 else "not shown"
    return {
        "task": task,
        "strategy": strategy,
        "labels": int(curves[0][0][-1, 0]),
        "metric": ours[0]["metric"] + (" (less is better)" if sign < 0 else ""),
        "at the end": float(ends[0].mean()),
        "random": float(ends[1].mean()),
        "area": float(areas[0].mean()),
        "area, random": float(areas[1].mean()),
        "gain in area": float(gains.mean()),
        "95 % interval": f"{low:+.3f} … {high:+.3f}",
        "beats random": better,
        "peak MiB": round(max(found["peak"] for found in ours)),
    }


@click.command(context_settings={"show_default": True})
@click.option("--tasks", default=",".join(TASKS), help="Names, with commas between them.")
@click.option("--seeds", default=3, type=click.IntRange(min=2))
@click.option("--cycles", type=click.IntRange(min=2), help="Default: the task's.")
@click.option("--strategy", help="Default: the task's.")
@click.option("--workers", default=2, type=click.IntRange(min=1), help="Processes at a time.")
@click.option("--one", hidden=True)
def main(
    tasks: str, seeds: int, cycles: int | None, strategy: str | None, workers: int, one: str | None
) -> None:
    """Run each task by its strategy and by random with several seeds, and compare them."""
    if one:
        import torch

        torch.set_num_threads(1)
        found = campaign(*json.loads(one))
        click.echo(json.dumps(found))
        return
    names: Sequence[str] = tasks.split(",")
    for name in names:
        catalog.get(name)  # a wrong one is told now
    plans = {name: {**USUAL, **TASKS.get(name, {})} for name in names}
    rows: list[Row] = []
    curves: dict[str, Any] = {}
    with ThreadPoolExecutor(workers) as pool:
        for name, plan in plans.items():
            own = strategy or plan["strategy"]
            given = {key: value for key, value in plan.items() if key != "strategy"}
            given |= {"cycles": cycles} if cycles else {}
            jobs = [(name, by, seed, given) for seed in range(seeds) for by in (own, "random")]
            done = list(pool.map(in_a_process, jobs))
            rows.append(row(name, own, done[::2], done[1::2]))
            curves[name] = {own: done[::2], "random": done[1::2]}
            # kept after each task, so that what was cut off is not lost
            report("tasks", {f"Tasks, {seeds} seeds": rows}, curves=curves, plans=plans)


if __name__ == "__main__":
    main()
