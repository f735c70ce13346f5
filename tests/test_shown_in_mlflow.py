"""What MLflow shows of a campaign: its description, figures, data sets, pages and models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import al
from al.catalog import tasks
from al.contracts import Query
from al.report import query_page
from tests.conftest import SMALL
from tests.reports import Page, store
from tests.stores import runs, table

GIVEN = {**SMALL, "baseline": "random", "strategy": "margin", "report": "on"}


@pytest.fixture(scope="module")
def shown(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client on a store with a campaign of two cycles and its baseline."""
    folder = tmp_path_factory.mktemp("shown")
    with pytest.MonkeyPatch.context() as patch, store(empty_database, folder) as client:
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "here")
        al.Campaign(show_progress=False, campaign="c", **GIVEN).run()
        yield client


def inputs(client: Any, run: Any) -> dict[str, tuple[str, str]]:
    """Name → digest and context of a run's data sets."""
    entries = client.get_run(run.info.run_id).inputs.dataset_inputs
    return {entry.dataset.name: (entry.dataset.digest, entry.tags[0].value) for entry in entries}


def artifacts(client: Any, run: Any) -> set[str]:
    return {entry.path for entry in client.list_artifacts(run.info.run_id)}


def test_the_campaign_says_what_it_has_achieved(shown: Any) -> None:
    (run,) = runs(shown, role="campaign", campaign="c")
    (other,) = runs(shown, role="campaign", campaign="c-random")
    metrics = run.data.metrics
    assert metrics["achieved/labels"] == 40
    gain = metrics["test/accuracy"] - other.data.metrics["test/accuracy"]
    assert metrics["achieved/gain"] == pytest.approx(gain)
    assert metrics["achieved/accuracy"] == metrics["test/accuracy"]
    cycles = runs(shown, role="cycle", campaign="c")
    spent = sum(cycle.data.metrics["cycle/seconds"] for cycle in cycles)
    assert metrics["achieved/seconds"] == pytest.approx(spent)
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("digits by margin, seed 0: 40 labels (+40 for validation) in 2 cycles")
    assert f"test/accuracy {metrics['test/accuracy']:.3f}, {gain:+.3f} against random" in note
    assert f"models:/c/{metrics['achieved/version']:.0f} is in Production." in note
    standing = {}  # of the versions that were in Production, by their model
    for version in shown.search_model_versions("name='c'"):
        if "al.promoted" in version.tags:
            labels = int(version.tags["al.labels"])
            standing[version.source.removeprefix("models:/")] = labels
    outputs = shown.get_run(run.info.run_id).outputs.model_outputs
    assert {model.model_id: model.step for model in outputs} == standing
    points = shown.get_metric_history(run.info.run_id, "achieved/labels")
    assert [(point.step, point.value) for point in points] == [(1, 30), (2, 40)]


def test_a_view_of_the_runs_has_the_columns_and_the_chart_that_matter(shown: Any) -> None:
    (run,) = runs(shown, role="campaign", campaign="c")
    tags = shown.get_experiment(run.info.experiment_id).tags
    view = json.loads(tags["mlflow.sharedViewState.al-accuracy"])
    known = {f"metrics.`{name}`" for name in run.data.metrics}
    known |= {f"params.`{name}`" for name in run.data.params} | {"attributes.`Description`"}
    assert set(view["selectedColumns"]) <= known
    assert "metrics.`test/accuracy`" in view["selectedColumns"]
    assert view["chartsSearchFilter"] == "test/accuracy"
    found = shown.search_runs([run.info.experiment_id], view["searchFilter"])
    assert {found_run.info.run_name for found_run in found} == {"c", "c-random"}


def test_the_labelled_set_and_the_query_are_inputs_of_cycles_and_trainings(shown: Any) -> None:
    for cycle in runs(shown, role="cycle", campaign="c"):
        number = cycle.data.tags["al.cycle"]
        (train,) = runs(shown, step="train", campaign="c", cycle=number)
        mine, its = inputs(shown, cycle), inputs(shown, train)
        assert mine["digits"][1] == "labelled"
        assert its["digits"] == (mine["digits"][0], "training")
        assert mine["digits-query"] == its["digits-query"]
        assert mine["digits-query"][1] == "query"
        assert set(its) == {"digits", "digits-query", "digits-validation"}
    digests = [inputs(shown, r)["digits"][0] for r in runs(shown, role="cycle", campaign="c")]
    assert len({*digests}) == 2


def test_a_query_is_a_page_and_a_table_that_mlflow_shows(shown: Any, tmp_path: Path) -> None:
    _, second = runs(shown, step="select-data", campaign="c")
    assert {"query.html", "query.csv", "query.parquet", "query.png"} <= artifacts(shown, second)
    path = shown.download_artifacts(second.info.run_id, "query.csv", str(tmp_path))
    kept = table(shown, second, "query.parquet")
    assert list(pd.read_csv(path)["score"]) == pytest.approx(list(kept["score"]))
    path = shown.download_artifacts(second.info.run_id, "query.html", str(tmp_path))
    page = Page(Path(path).read_text("utf-8"))
    assert (page.open, page.wrong) == ([], [])
    assert page.html.count("<img ") == 10
    assert all(id in page.text for id in kept["id"])
    assert "score" in page.text


@pytest.mark.parametrize(("scores", "shown"), [((1.0, 1.0), False), ((1.0, 0.5), True)])
def test_scores_that_are_all_alike_are_left_out(scores: tuple[float, ...], shown: bool) -> None:
    data = tasks.get("digits")().data()
    query = Query(
        ids=data.ids("train")[:2], scores=scores, reasons=("k_center",) * 2,
        propensities=(None,) * 2, strategy="k_center", model="none",
    )  # fmt: skip
    page = Page(query_page(query, data))
    assert ("score" in page.text) is shown
    assert ("1.0000" in page.text) is shown
    assert page.html.count("<img ") == 2


def test_a_training_keeps_its_curves_and_what_it_gets_right(shown: Any, tmp_path: Path) -> None:
    train = runs(shown, step="train", campaign="c")[-1]
    names = {"training.html", "curves.csv", "confusion.csv", "classes.csv"}
    assert names <= artifacts(shown, train)
    paths = {n: shown.download_artifacts(train.info.run_id, n, str(tmp_path)) for n in names}
    curves = pd.read_csv(paths["curves.csv"])
    points = shown.get_metric_history(train.info.run_id, "val/accuracy")
    assert dict(zip(curves["epoch"], curves["val/accuracy"], strict=True)) == pytest.approx(
        {point.step: point.value for point in points}
    )
    matrix = pd.read_csv(paths["confusion.csv"]).set_index("truth").to_numpy()
    assert matrix.trace() / matrix.sum() == pytest.approx(curves["val/accuracy"].max())
    page = Page(Path(paths["training.html"]).read_text("utf-8"))
    assert (page.open, page.wrong, page.sections) == ([], [], ["curves", "model"])


def test_versions_outlast_a_cleanup_of_the_runs_that_made_them(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess
    import sys

    import mlflow

    with store(empty_database, tmp_path) as client:
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "here")
        al.Campaign(show_progress=False, campaign="c", **{**SMALL, "cycles": 1}).run()
        for step in runs(client, role="step"):
            client.delete_run(step.info.run_id)
        uri = f"sqlite:///{tmp_path}/mlflow.db"
        subprocess.run(
            [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", uri], check=True
        )
        assert not runs(client, role="step")
        model = mlflow.pyfunc.load_model("models:/c/Production")
        assert model.metadata.signature is not None
