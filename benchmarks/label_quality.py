"""What share of wrong labels is found, and what second opinions make of them.

A simulated person labels a random sample of a task and is wrong in one of ten answers, each
wrong class equally likely. After the cycle the pipeline lists what looks wrong; the list is
held against the truth, which the pipeline never sees.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import pandas as pd

from al.catalog import tasks as catalog
from benchmarks.common import EXPERIMENT, Row, own_store, report


def found_by(
    task: str, labels: int, folds: int, accuracy: float, seed: int, folder: str
) -> tuple[Row, Row]:
    """One campaign of two cycles, the second of which asks only about what looks wrong."""
    import al

    with own_store() as uri, open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        campaign = al.Campaign(
            tracking_uri=uri, experiment=EXPERIMENT, show_progress=False, task=task, cycles=2,
            initial_size=labels, query_size=labels // 10 + 1, second_opinions=1.0, seed=seed,
            folds=folds, annotator="benchmarks.people:Person", baseline="none", campaign="c",
            annotator_options=f"accuracy={accuracy}, seed={seed}, folder={folder}",
        )  # fmt: skip
        campaign.run()
        from mlflow import MlflowClient

        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
        cycles = client.search_runs(
            [experiment], "tags.`al.role` = 'cycle'", order_by=["attributes.start_time ASC"]
        )
        first, second = (
            pd.read_parquet(client.download_artifacts(run.info.run_id, "state/labels.parquet"))
            for run in cycles
        )
        path = client.download_artifacts(cycles[0].info.run_id, "suspicious.csv")
        listed = list(pd.read_csv(path, dtype={"id": str})["id"])
    data = catalog.get(task)().data()
    wrong = {id for id, said in labelled(first).items() if said != data.truth([id])[0]}
    hits = np.array([id in wrong for id in listed])
    top = hits[: len(wrong)].sum()
    after = {id: said for id, said in labelled(second).items() if id in set(first["id"])}
    still = sum(said != data.truth([id])[0] for id, said in after.items())
    asked = int((second["again"] > 0).sum())
    size = {"task": task, "labels": labels, "folds": folds}
    return (
        size
        | {
            "wrong": len(wrong),
            "listed": len(listed),
            "found": float(hits.sum() / len(wrong)),
            "of the list wrong": float(hits.mean()),
            "found in the first (wrong)": float(top / len(wrong)),
        },
        {k: v for k, v in size.items() if k != "folds"}
        | {"wrong before": len(wrong), "second opinions": asked, "wrong after": int(still)},
    )


def labelled(table: pd.DataFrame) -> dict[str, Any]:
    """The labels of a table by id."""
    rows = table[table["status"] == "answered"]
    return {i: json.loads(label) for i, label in zip(rows["id"], rows["label"], strict=True)}


def mean(rows: Sequence[Row]) -> Row:
    """The mean over seeds, with the range of what is found."""
    table = pd.DataFrame(rows)
    found = {name: table[name].iloc[0] for name in ("task", "labels", "folds") if name in table}
    for name in table.columns.difference(list(found), sort=False):
        found[name] = float(table[name].mean())
    if "found" in table:
        found["found, range"] = f"{table['found'].min():.2f} … {table['found'].max():.2f}"
    return found


@click.command(context_settings={"show_default": True})
@click.option("--task", "tasks", multiple=True, default=("digits", "fashion-mnist"))
@click.option("--labels", "sizes", multiple=True, default=(200, 600), type=int)
@click.option("--folds", "folds", multiple=True, default=(4,), type=int)
@click.option("--accuracy", default=0.9, type=click.FloatRange(0, 1))
@click.option("--seeds", default=3, type=click.IntRange(min=1))
def main(
    tasks: Sequence[str], sizes: Sequence[int], folds: Sequence[int], accuracy: float, seeds: int
) -> None:
    """Flip labels and count which are found."""
    lists, opinions = list[Row](), list[Row]()
    for task in tasks:
        for size in sizes:
            for parts in folds:
                pairs = []
                for seed in range(seeds):
                    with TemporaryDirectory() as folder:
                        pairs.append(found_by(task, size, parts, accuracy, seed, folder))
                    click.echo(f"{task} {size} {parts} {seed}: {pairs[-1]}", err=True)
                lists.append(mean([one for one, _ in pairs]))
                opinions.append(mean([two for _, two in pairs]))
    title = f"Labels that look wrong, {1 - accuracy:.0%} flipped, mean of {seeds} seeds"
    tables = {title: lists, "Second opinions on a tenth of the labels": opinions}
    report("label_quality", tables, accuracy=accuracy, seeds=seeds)


if __name__ == "__main__":
    main()
