"""Learning curves of finished campaigns, kept for `benchmarks.forecast` to be tried on.

Each campaign is as `al main` would run it, with nothing changed but its size. The table
`benchmarks/results/curves.csv` is committed; what it holds already is not run again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pandas as pd

from benchmarks.common import EXPERIMENT, RESULTS, own_store

CURVES = RESULTS / "curves.csv"
COLUMNS = ["task", "strategy", "seed", "metric", "lower", "labels", "value"]
#: Task → strategy beside random, and the size of its campaigns.
TASKS: dict[str, dict[str, Any]] = {
    "digits": {"strategy": "margin", "cycles": 15},
    "sms-spam": {"strategy": "margin", "initial_size": 40, "query_size": 40, "cycles": 12},
    "adult": {"strategy": "margin", "initial_size": 40, "query_size": 40, "cycles": 12},
    "bike-sharing": {"strategy": "igs", "initial_size": 60, "query_size": 60, "cycles": 12},
    "banking77": {
        "strategy": "margin", "initial_size": 200, "query_size": 100, "cycles": 10, "epochs": 30,
    },
    "mnist": {"strategy": "margin", "initial_size": 40, "query_size": 40, "cycles": 8},
}  # fmt: skip


def campaigns(seeds: int) -> Iterator[tuple[str, str, int, dict[str, Any]]]:
    for seed in range(seeds):
        for task, given in TASKS.items():
            for strategy in (given["strategy"], "random"):
                yield task, strategy, seed, {**given, "strategy": strategy}


def curve(task: str, seed: int, given: dict[str, Any]) -> pd.DataFrame:
    """The champion's test metric by labels."""
    import al
    from al.pipeline.opening import look_into
    from al.tracking import tracking_at

    parameters = {"task": task, "seed": seed, "baseline": "none", **given}
    with own_store() as uri:
        made = al.Campaign(
            tracking_uri=uri, experiment=EXPERIMENT, show_progress=False, **parameters
        )
        found = made.run()
        with tracking_at(uri):
            session = look_into(parameters, experiment=EXPERIMENT)
        assert session is not None
    table = found.curve.rename(columns={found.metric: "value"})
    return table.assign(
        task=task, strategy=given["strategy"], seed=seed, metric=found.metric, lower=session.lower
    )[COLUMNS]


@click.command(context_settings={"show_default": True})
@click.option("--seeds", default=3, type=click.IntRange(min=1))
def main(seeds: int) -> None:
    """Run the campaigns that are missing from the table."""
    RESULTS.mkdir(exist_ok=True)
    known = pd.read_csv(CURVES) if CURVES.exists() else pd.DataFrame(columns=COLUMNS)
    for task, strategy, seed, given in campaigns(seeds):
        there = (known["task"] == task) & (known["strategy"] == strategy) & (known["seed"] == seed)
        if there.any():
            continue
        new = curve(task, seed, given)
        known = pd.concat([known, new]) if len(known) else new
        known.to_csv(CURVES, index=False, float_format="%.6g")
        click.echo(f"{task} by {strategy}, seed {seed}: {len(new)} points")


if __name__ == "__main__":
    main()
