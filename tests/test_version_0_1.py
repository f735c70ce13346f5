"""A campaign that version 0.1.0 began goes on.

`version_0_1.zip` is what 0.1.0 left in MLflow when it was killed after the election of cycle 2:
tags, params, metrics and files of each run, the registered model, and two versions' weights.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.entities import Metric, Param, RunTag

from tests.conftest import ROOT
from tests.stores import outcome, runs, stages, table

#: How the recorded campaign was started; `cycles` is free.
STARTED: dict[str, Any] = {
    "task": "digits", "strategy": "bandit(margin,random)", "kpi": "0.95", "stable": 0.99,
    "audit": 0.3, "epochs": 6, "checkpoints": 2, "validation_size": 40, "initial_size": 30,
    "query_size": 10, "batch_size": 8, "baseline": "none", "campaign": "c",
}  # fmt: skip

#: Defaults of what has come or changed since, as `mlflow run` gives all defaults.
NEWER = {"copies": "once", "cold_start": "default"}


def put_back(client: Any, folder: Path, *, without: tuple[str, ...]) -> Path:
    """The recorded store in another one, less some runs of cycle 2; returns the files."""
    with zipfile.ZipFile(ROOT / "tests" / "version_0_1.zip") as recorded:
        recorded.extractall(folder)
    store = json.loads((folder / "store.json").read_text())
    experiment = client.get_experiment_by_name("here").experiment_id
    now: dict[str, str] = {}

    def mapped(tags: dict[str, str]) -> dict[str, str]:
        return {key: now.get(value, value) for key, value in tags.items()}

    for start, run in enumerate(run for run in store["runs"] if run["name"] not in without):
        made = client.create_run(experiment, 1_700_000_000_000 + start)
        id = now[f"run:{run['name']}"] = made.info.run_id
        client.log_batch(
            id,
            [Metric(key, value, 0, step) for key, value, step in run["metrics"]],
            [Param(key, value) for key, value in run["params"].items()],
            [RunTag(key, value) for key, value in mapped(run["tags"]).items()],
        )
        if (folder / run["name"]).is_dir():
            client.log_artifacts(id, str(folder / run["name"]))
        if run["status"] != "RUNNING":
            client.set_terminated(id, run["status"])
    versions = [version for version in store["versions"] if version["run"] in now]
    latest = versions[-1]["version"]
    tags = mapped(store["model"]["tags"])
    for key in [key for key in tags if key.startswith("al.promotion.")]:
        if json.loads(tags[key])["version"] > latest:
            del tags[key]
    client.create_registered_model("c", tags)
    for version in versions:
        number = str(version["version"])
        client.create_model_version(
            "c",
            str(folder / f"version-{number}"),
            now[version["run"]],
            mapped(version["tags"]),
            description=version["description"],
        )
        stage = "Production" if version["version"] == latest else "Archived"
        client.transition_model_version_stage("c", number, stage)
    client.set_registered_model_alias("c", "champion", str(latest))
    return folder


@pytest.mark.parametrize(
    "without",
    [
        pytest.param((), id="killed after the election", marks=pytest.mark.slow),
        pytest.param(
            ("2-train", "2-select-model"), id="killed after the verdict", marks=pytest.mark.slow
        ),
        pytest.param(("2-compare", "2-train", "2-select-model"), id="killed after the answers"),
    ],
)
def test_a_campaign_that_0_1_0_left_open_goes_on(
    campaign: Any, client: Any, folder: Path, without: tuple[str, ...]
) -> None:
    files = put_back(client, folder / "recorded", without=without)
    campaign(**STARTED, cycles=3, **NEWER).run()
    found = outcome(client, "c")
    assert found["cycles"] == ["1", "2", "3"]
    # what was asked and answered stands, and nothing was asked again
    for number in ("1", "2"):
        (step,) = runs(client, step="select-data", campaign="c", cycle=number)
        before = pd.read_parquet(files / f"{number}-select-data" / "query.parquet")
        pd.testing.assert_frame_equal(table(client, step, "query.parquet"), before)
    asked = found["labels"]["id"]
    assert asked[30:40] == list(pd.read_parquet(files / "2-annotate" / "answers.parquet")["id"])
    assert len(set(asked)) == len(asked) == 50
    # the curve has the points that 0.1.0 drew, and goes on
    assert found["curve"][0] == (30, pytest.approx(0.252778))
    assert [labels for labels, _ in found["curve"]] == [30, 40, 50]
    assert [row[:2] for row in found["history"]][:1] == [(1, "pipeline")]
    assert set(stages(client, "c")) == {1, 2, 3}
    assert not found["running"]


@pytest.mark.slow
def test_undo_and_history_work_on_what_0_1_0_left(campaign: Any, client: Any, folder: Path) -> None:
    put_back(client, folder / "recorded", without=())
    begun = campaign(**STARTED)
    assert begun.undo("looks wrong") == 1
    assert list(begun.history()["by"])[-1] == "undo"
