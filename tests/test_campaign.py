"""Whole campaigns on digits, in one process, on a real store."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import mlflow
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

import al
from al.catalog import tasks
from al.errors import AlError, ConfigError
from al.pipeline.steps import compare
from al.registry import Registry
from tests.stores import outcome, runs, stages, table

Make = Callable[..., Any]
STEPS = ["select-data", "annotate", "compare", "train", "select-model"]


def test_a_campaign_leaves_a_tree_of_runs_that_a_later_process_can_find(
    campaign: Make, client: Any
) -> None:
    result = campaign(campaign="c", candidates=2).run()
    (top,) = runs(client, role="campaign", campaign="c")
    cycles = runs(client, role="cycle", campaign="c")
    assert [c.data.tags["al.cycle"] for c in cycles] == ["1", "2"]
    assert {c.data.tags["mlflow.parentRunId"] for c in cycles} == {top.info.run_id}
    for cycle in cycles:
        steps = [
            step
            for step in runs(client, role="step", campaign="c")
            if step.data.tags["mlflow.parentRunId"] == cycle.info.run_id
        ]
        names = [step.data.tags["al.step"] for step in steps]
        assert names == ["select-data", "annotate", "compare", "train", "train", "select-model"]
        assert {step.info.status for step in steps} == {"FINISHED"}
    assert {r.info.status for r in (top, *cycles)} == {"FINISHED"}
    assert list(result.curve["labels"]) == [30, 40]


def test_the_learning_curve_is_on_the_campaign_run_and_no_other_has_its_key(
    campaign: Make, client: Any
) -> None:
    result = campaign(campaign="c").run()
    (top,) = runs(client, role="campaign", campaign="c")
    points = client.get_metric_history(top.info.run_id, "test/accuracy")
    assert [(p.step, p.value) for p in points] == [
        tuple(row) for row in result.curve.itertuples(index=False)
    ]
    for run in runs(client, campaign="c"):
        assert run.info.run_id == top.info.run_id or "test/accuracy" not in run.data.metrics
    (cycle, _) = runs(client, role="cycle", campaign="c")
    assert cycle.data.metrics["cycle/test_accuracy"] == points[0].value
    assert cycle.data.metrics["cycle/labels"] == 30
    assert cycle.data.metrics["cycle/validation_labels"] == 40


def test_the_whole_configuration_is_in_the_params(campaign: Make, client: Any) -> None:
    campaign(campaign="c", cycles=1).run()
    (top,) = runs(client, role="campaign", campaign="c")
    assert top.data.params["strategy"] == "auto"
    assert top.data.params["cold_start"] == "typiclust"
    assert top.data.params["epochs"] == "4"
    assert len(top.data.params) >= 20


def test_every_chosen_sample_keeps_why(campaign: Make, client: Any) -> None:
    campaign(campaign="c", strategy="margin", cold_start="random").run()
    first, second = (r for r in runs(client, step="select-data", campaign="c"))
    cold, warm = table(client, first, "query.parquet"), table(client, second, "query.parquet")
    assert set(cold["strategy"]) == {"random"}
    assert set(cold["model"]) == {"none"}
    assert cold["propensity"].between(0, 1).all()
    assert set(warm["strategy"]) == {"margin"}
    assert set(warm["model"]) == {"models:/c/1"} == {second.data.tags["al.model"]}
    assert list(warm["rank"]) == list(range(10))
    assert warm["score"].is_monotonic_decreasing
    names = [entry.path for entry in client.list_artifacts(second.info.run_id)]
    assert "query.png" in names


def test_no_sample_is_asked_about_twice_and_labels_keep_their_provenance(
    campaign: Make, client: Any
) -> None:
    campaign(campaign="c", cycles=4).run()
    last = runs(client, role="cycle", campaign="c")[-1]
    labels = table(client, last, "state/labels.parquet")
    assert len(labels) == 60 == labels["id"].nunique()
    assert list(labels.groupby("cycle").size()) == [30, 10, 10, 10]
    assert set(labels["annotator"]) == {"oracle"}
    truth = tasks.get("digits")().data()
    assert [json.loads(label) for label in labels["label"]] == truth.truth(list(labels["id"]))


def test_the_test_split_and_validation_are_never_asked_about(campaign: Make, client: Any) -> None:
    campaign(campaign="c").run()
    (top,) = runs(client, role="campaign", campaign="c")
    stored = json.loads(
        Path(client.download_artifacts(top.info.run_id, "campaign.json")).read_text()
    )
    kept = {*stored["splits"]["val"], *stored["splits"]["test"]}
    for run in runs(client, step="select-data", campaign="c"):
        assert not kept & set(table(client, run, "query.parquet")["id"])


@pytest.mark.slow
def test_the_same_campaign_in_another_store_comes_out_the_same(campaign: Make, client: Any) -> None:
    campaign(campaign="a").run()
    campaign(campaign="b").run()
    one, two = outcome(client, "a"), outcome(client, "b")
    assert _without_names(one) == _without_names(two)
    assert one["versions"][1][1] == two["versions"][1][1]  # the weights, to the last bit


def _without_names(found: dict[str, Any]) -> str:
    return repr(found).replace("models:/a/", "models:/x/").replace("models:/b/", "models:/x/")


@pytest.mark.slow
def test_cycle_by_cycle_and_step_by_step_come_out_like_a_run(campaign: Make, client: Any) -> None:
    campaign(campaign="a").run()
    for _ in range(2):
        campaign(campaign="b").cycle()
    for _ in range(2):
        for step in STEPS:
            campaign(campaign="x").step(step)
    expected = _without_names(outcome(client, "a"))
    assert _without_names(outcome(client, "b")) == expected
    assert repr(outcome(client, "x")).replace("models:/a/", "") == expected.replace(
        "models:/a/", ""
    )


def test_a_step_that_is_done_is_not_done_again(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    one = campaign(campaign="c")
    one.step("select-data")
    before = table(client, runs(client, step="select-data")[0], "query.parquet")
    one.step("select-data")
    assert "select-data was done before" in caplog.text
    (only,) = runs(client, step="select-data")
    assert table(client, only, "query.parquet").equals(before)


@pytest.mark.parametrize("step", ["compare", "train", "select-model"])
def test_a_step_out_of_order_names_the_one_that_comes_first(campaign: Make, step: str) -> None:
    campaign(campaign="c").step("select-data")
    with pytest.raises(AlError, match=f"run annotate before {step}"):
        campaign(campaign="c").step(step)


def test_a_step_after_the_cycle_is_closed_says_so(
    campaign: Make, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="c", cycles=1).cycle()
    campaign(campaign="c").step("train")
    assert "cycle 1 is closed" in caplog.text


def test_a_finished_campaign_says_so_and_how_to_extend_it(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="c").run()
    campaign(campaign="c").run()
    assert "is finished" in caplog.text
    assert len(runs(client, role="cycle", campaign="c")) == 2
    campaign(campaign="c", cycles=3).run()
    assert len(runs(client, role="cycle", campaign="c")) == 3
    al.Campaign(campaign="c").report(str(folder / "story"))  # which does not give cycles
    (page,) = (folder / "story").glob("*.html")
    assert "The campaign ended: cycles=3 are done" in page.read_text("utf-8")


def test_a_campaign_ends_when_its_pool_is_empty(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sizes = {"initial_size": 700, "query_size": 690, "epochs": 1}
    result = campaign(campaign="c", cycles=5, **sizes).run()
    assert list(result.curve["labels"]) == [700, 1390, 1397]
    assert "every sample of its pool has been asked about" in caplog.text
    with pytest.raises(AlError, match="has asked about every sample"):
        campaign(campaign="c", **sizes).cycle()


def test_a_met_kpi_closes_the_cycle_without_training(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="c", kpi="0.0").run()
    assert "not retrained" in caplog.text
    steps = [r.data.tags["al.step"] for r in runs(client, role="step", campaign="c")]
    assert steps.count("train") == 1
    assert stages(client, "c") == {1: "Production"}
    (top,) = runs(client, role="campaign", campaign="c")
    points = client.get_metric_history(top.info.run_id, "test/accuracy")
    assert len({p.value for p in points}) == 1
    assert [p.step for p in points] == [30, 40]


def test_a_missed_kpi_trains(campaign: Make, client: Any) -> None:
    campaign(campaign="c", kpi="1.0").run()
    assert len(runs(client, step="train", campaign="c")) == 2


@pytest.mark.parametrize("name", ["kpi", "goal"])
def test_a_kpi_that_no_model_can_meet_is_refused(campaign: Make, client: Any, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}=95: accuracy goes from 0 to 1: give {name}=0.9"):
        campaign(campaign="c", **{name: "95"}).run()
    assert not runs(client, role="campaign")
    with pytest.raises(ConfigError, match=f"{name}=-1: accuracy goes from 0 to 1: give a share"):
        campaign(campaign="c", **{name: "-1"}).run()


def test_a_name_alone_never_starts_a_campaign(folder: Path, campaign: Make, client: Any) -> None:
    for call in (al.Campaign.run, al.Campaign.cycle, lambda c: c.step("select-data")):
        with pytest.raises(ConfigError, match="there is no campaign 'parts' in experiment 'here'"):
            call(al.Campaign(campaign="parts"))
    assert not runs(client, role="campaign")
    assert not client.search_registered_models()
    campaign(campaign="parts").step("select-data")
    with pytest.raises(ConfigError, match="did you mean 'parts'"):
        al.Campaign(campaign="part").cycle()
    al.Campaign(campaign="parts").step("annotate")
    assert [r.data.tags["al.step"] for r in runs(client, role="step")] == STEPS[:2]


def test_who_comes_second_to_a_new_campaign_goes_on_with_it(
    campaign: Make, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = Registry.check_free
    left = [campaign(campaign="c")]

    def meanwhile(self: Registry) -> bool:
        if left:
            left.pop().step("select-data")
        return free(self)

    monkeypatch.setattr(Registry, "check_free", meanwhile)
    campaign(campaign="c").cycle()
    assert len(runs(client, role="campaign")) == 1
    assert [r.data.tags["al.step"] for r in runs(client, role="step")] == STEPS


def test_what_is_marked_as_done_is_on_the_disk(
    campaign: Make, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    marked: list[str] = []
    fsync = os.fsync

    def noted(number: int) -> None:
        synced.add(os.readlink(f"/proc/self/fd/{number}"))
        fsync(number)

    def check(name: str, folder: Any) -> None:
        """Look, before a mark is set, whether all in the folder that it speaks of is synced."""
        original = getattr(mlflow.MlflowClient, name)

        def call(self: Any, key: str, *args: Any, **kwargs: Any) -> Any:
            tags = [tag.key for tag in kwargs.get("tags") or []]
            if name != "log_batch" or "al.done" in tags:
                files = [path for path in Path(folder(key)).rglob("*") if path.is_file()]
                assert {str(path) for path in files} <= synced
                marked.append(name if files else "nothing")
            return original(self, key, *args, **kwargs)

        monkeypatch.setattr(mlflow.MlflowClient, name, call)

    monkeypatch.setattr(os, "fsync", noted)
    check("log_batch", lambda key: client.get_run(key).info.artifact_uri)
    check("finalize_logged_model", lambda key: client.get_logged_model(key).artifact_location)
    campaign(campaign="c", cycles=1).run()
    assert marked.count("log_batch") >= 5
    assert marked.count("finalize_logged_model") >= 2


CHAMPION_IS_BEST = """
from al.contracts import Criterion
class Best(Criterion):
    def __init__(self, metric): self.metric = metric
    def __call__(self, metrics):
        return 0.0 if "train/loss" in metrics else 1.0  # the champion has not just been trained
"""


@pytest.mark.parametrize(
    ("promote", "expected"),
    [("not-worse", {1: "Production", 2: "None"}), ("always", {1: "Archived", 2: "Production"})],
)
def test_a_worse_winner_is_registered_but_promoted_only_on_request(
    campaign: Make, client: Any, folder: Path, promote: str, expected: dict[int, str]
) -> None:
    (folder / "my_code.py").write_text(CHAMPION_IS_BEST)
    campaign(campaign="c", criterion="my_code:Best:val/accuracy", promote=promote).run()
    assert stages(client, "c") == expected
    first, second = (
        json.loads(Path(client.download_artifacts(run.info.run_id, "election.json")).read_text())
        for run in runs(client, step="select-model", campaign="c")
    )
    assert first["champion_metrics"] is None
    assert set(second["champion_metrics"]) == {"val/accuracy", "val/loss"}
    assert second["winner"] in second["candidates"]
    assert len(second["candidates"]) == 2


def test_training_runs_say_which_labels_went_in(campaign: Make, client: Any) -> None:
    campaign(campaign="c").run()
    first, second = runs(client, step="train", campaign="c")
    digests = []
    for run in (first, second):
        entries = client.get_run(run.info.run_id).inputs.dataset_inputs
        found = {entry.dataset.name: entry.dataset.digest for entry in entries}
        assert set(found) == {"digits", "digits-query", "digits-validation"}
        digests.append(found["digits"])
    assert len(set(digests)) == 2


def test_checkpoints_carry_their_metrics_and_what_served_to_resume_is_gone(
    campaign: Make, client: Any
) -> None:
    campaign(campaign="c", cycles=1).run()
    (run,) = runs(client, step="train", campaign="c")
    models = client.search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    )
    assert len(models) == 2
    for model in models:
        assert {m.key for m in model.metrics} >= {"val/accuracy", "val/loss", "train/loss"}
    assert client.list_artifacts(run.info.run_id) == []
    history = client.get_metric_history(run.info.run_id, "val/accuracy")
    assert [point.step for point in history] == [1, 2, 3, 4]


def test_the_production_model_answers_like_the_campaigns_own(campaign: Make, client: Any) -> None:
    import mlflow
    from sklearn.datasets import load_digits

    result = campaign(campaign="c").run()
    loaded = mlflow.pyfunc.load_model("models:/c/Production")
    images = load_digits().images
    answer = loaded.predict(images[:7])
    sure = answer[[f"p_{digit}" for digit in range(10)]].to_numpy()
    assert sure.sum(1) == pytest.approx(np.ones(7), abs=1e-5)
    assert list(answer["label"]) == [str(place) for place in sure.argmax(1)]
    assert list(answer["probability"]) == list(sure.max(1))
    data = tasks.get("digits")().data()
    rows = [int(id[-4:]) for id in data.ids("test")]
    right = loaded.predict(images[rows])["label"] == data.truth(data.ids("test"))
    assert right.mean() == pytest.approx(result.curve["accuracy"].iloc[-1], abs=1e-6)
    assert loaded.metadata.signature is not None
    assert loaded.input_example.shape == (2, 8, 8)


def test_nothing_in_a_registered_version_is_pickled(
    campaign: Make, client: Any, folder: Path
) -> None:
    campaign(campaign="c", cycles=1).run()
    files = [path for path in (folder / "artifacts").rglob("*") if path.is_file()]
    assert any(path.suffix == ".safetensors" for path in files)
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".pth", ".pt")]


def test_a_baseline_is_run_beside_and_shares_the_cold_start(campaign: Make, client: Any) -> None:
    result = campaign(campaign="c", baseline="random").run()
    assert result.baseline.strategy == "random"
    assert result.baseline.curve.iloc[0].tolist() == result.curve.iloc[0].tolist()
    assert "random" in result.text()
    first = [
        table(client, runs(client, step="select-data", campaign=name)[0], "query.parquet")
        for name in ("c", "c-random")
    ]
    assert list(first[0]["id"]) == list(first[1]["id"])
    assert {*first[0]["strategy"]} == {*first[1]["strategy"]} == {"typiclust"}
    (top,) = runs(client, role="campaign", campaign="c")
    assert "learning_curve.png" in [e.path for e in client.list_artifacts(top.info.run_id)]


SLOW_ANNOTATOR = """
import pathlib
from al.contracts import Answer, Annotator, Answers
class Slow(Annotator):
    where = "the desk"
    def request(self, query):
        with open("asked.txt", "a") as file:
            file.write(" ".join(query.ids) + "\\n")
    def collect(self, query):
        count = int(pathlib.Path("answered.txt").read_text())
        done = query.ids[:count]
        skipped, done = done[:1], done[1:]
        truth = self.data.truth(done)
        return Answers(
            tuple(Answer(i, l, "anna", "2024-01-01", 2.0) for i, l in zip(done, truth)),
            tuple(skipped), tuple(query.ids[count:]))
class Wrong(Slow):
    def collect(self, query):
        return Answers(tuple(Answer(i, "eleven", "anna", "2024") for i in query.ids))
"""


def test_a_cycle_waits_for_people_and_goes_on(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "my_code.py").write_text(SLOW_ANNOTATOR)
    (folder / "answered.txt").write_text("12")
    make = {"campaign": "c", "annotator": "my_code:Slow", "cycles": 1}
    campaign(**make).run()
    assert "waiting: 12 of 30 answered, at the desk" in caplog.text
    (cycle,) = runs(client, role="cycle", campaign="c")
    assert cycle.info.status == "SCHEDULED"
    (folder / "answered.txt").write_text("30")
    campaign(**make).run()
    (cycle,) = runs(client, role="cycle", campaign="c")
    labels = table(client, cycle, "state/labels.parquet")
    assert list(labels["status"]).count("skipped") == 1
    assert len(labels) == 30
    asked = (folder / "asked.txt").read_text().splitlines()
    assert len(asked) == 2
    assert asked[0] == asked[1]  # the same query, not a second one


def test_skipped_samples_are_not_asked_again(campaign: Make, client: Any, folder: Path) -> None:
    (folder / "my_code.py").write_text(SLOW_ANNOTATOR)
    (folder / "answered.txt").write_text("30")
    campaign(campaign="c", annotator="my_code:Slow").run()
    asked = " ".join((folder / "asked.txt").read_text().splitlines()).split()
    assert len(asked) == len(set(asked)) == 40


def test_a_label_outside_the_classes_names_annotator_and_sample(
    campaign: Make, client: Any, folder: Path
) -> None:
    (folder / "my_code.py").write_text(SLOW_ANNOTATOR)
    with pytest.raises(AlError, match=r"anna on sample 'digit-\d+': 'eleven' is not a class"):
        campaign(campaign="c", annotator="my_code:Wrong").run()
    assert not runs(client, step="train", campaign="c")


def test_a_task_outside_the_package_runs_and_its_model_loads(
    campaign: Make, client: Any, folder: Path
) -> None:
    (folder / "my_task.py").write_text(
        "from al.tasks.digits import Digits\nclass Mine(Digits):\n    '''My own digits task.'''\n"
    )
    import mlflow

    campaign(campaign="c", task="my_task:Mine", cycles=1).run()
    answer = mlflow.pyfunc.load_model("models:/c/Production").predict(np.zeros((1, 8, 8)))
    assert answer.shape == (1, 12)
    assert list((folder / "artifacts").rglob("code/my_task.py"))


def test_the_result_is_the_same_whoever_reads_it(campaign: Make) -> None:
    ran = campaign(campaign="c").run()
    read = campaign(campaign="c").run()
    pd.testing.assert_frame_equal(ran.curve, read.curve)
    assert (ran.model, ran.version) == (read.model, read.version)


def test_a_kpi_is_judged_on_samples_drawn_for_it_over_the_last_cycles_of_one_champion(
    campaign: Make, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"campaign": "c", "kpi": "0.05", "audit": 0.4, "query_size": 50, "cycles": 4}
    campaign(**parameters).run()
    (last,) = [run for run in runs(client, step="compare") if run.data.tags["al.cycle"] == "4"]
    labels = table(client, runs(client, role="cycle")[-1], "state/labels.parquet")
    audit = labels[labels["strategy"] == "audit"]
    assert list(audit.groupby("cycle").size().items()) == [(2, 20), (3, 20), (4, 20)]
    assert audit["propensity"].between(0, 1, inclusive="neither").all()
    assert labels["propensity"][labels["strategy"] == "margin"].isna().all()
    assert last.data.tags["al.estimator"] == "audit"
    metrics = last.data.metrics
    assert metrics["compare/samples"] == 60
    assert metrics["compare/low"] <= metrics["compare/accuracy"] <= metrics["compare/high"]
    assert metrics["compare/low"] >= 0.05
    verdict = Path(client.download_artifacts(last.info.run_id, "verdict.json")).read_text()
    assert "uniformly drawn samples of 3 cycles, worth " in verdict
    assert "with what the champion expects of the pool" in verdict
    monkeypatch.setattr(compare, "RECENT", 2)  # what was asked longer ago counts no more
    campaign(**{**parameters, "cycles": 5}).run()
    (last,) = [run for run in runs(client, step="compare") if run.data.tags["al.cycle"] == "5"]
    assert last.data.metrics["compare/samples"] == 40


def test_an_audit_slice_drawn_by_doubt_counts_by_its_chances(campaign: Make, client: Any) -> None:
    parameters = {"campaign": "c", "kpi": "0.05", "audit": 0.9, "query_size": 60}
    campaign(**parameters, audit_by="doubt").run()
    last = runs(client, step="compare")[-1]
    labels = table(client, runs(client, role="cycle")[-1], "state/labels.parquet")
    audit = labels["propensity"][labels["strategy"] == "audit-doubted"]
    assert len(audit) == 54
    assert audit.nunique() > 10
    assert last.data.tags["al.estimator"] == "weighted"
    metrics = last.data.metrics
    assert metrics["compare/samples"] == 54
    assert metrics["compare/low"] < metrics["compare/accuracy"] < metrics["compare/high"]
    assert "compare/drift" not in metrics  # that takes uniform draws


def test_a_verdict_says_how_new_samples_differ_as_figures_and_as_pictures(
    campaign: Make, client: Any
) -> None:
    campaign(campaign="c", kpi="0.05", audit=0.5, query_size=40).run()
    first, second = runs(client, step="compare")
    pictures = ["drift.png", "drift_from_training.png", "verdict.json"]
    assert [file.path for file in client.list_artifacts(first.info.run_id)] == ["verdict.json"]
    assert [file.path for file in client.list_artifacts(second.info.run_id)] == pictures
    stored = json.loads(
        Path(client.download_artifacts(second.info.run_id, "verdict.json")).read_text()
    )
    for name in ("drift", "drift_p", "drift_from_training"):
        assert 0 <= stored[name] <= 1
        assert second.data.metrics[f"compare/{name}"] == stored[name]


def test_without_a_kpi_or_with_the_plain_rule_nothing_is_drawn_for_it(
    campaign: Make, client: Any
) -> None:
    campaign(campaign="plain", kpi="0.05", compare="plain").run()
    campaign(campaign="off").run()
    for name in ("plain", "off"):
        cycles = runs(client, role="cycle", campaign=name)
        labels = table(client, cycles[-1], "state/labels.parquet")
        assert "audit" not in set(labels["strategy"])


@pytest.mark.slow
@pytest.mark.parametrize("init", ["champion", "shrink-perturb"])
def test_training_starts_from_the_champion_where_that_is_asked_for(
    campaign: Make, client: Any, init: str
) -> None:
    campaign(campaign="warm", init=init, lr=1e-12).run()
    campaign(campaign="cold", lr=1e-12).run()
    first, second = runs(client, step="train", campaign="warm")
    assert (first.data.params["init"], first.data.params["init_from"]) == (init, "scratch")
    assert second.data.params["init_from"] == "models:/warm/1"
    loss = {
        name: [r.data.metrics["val/loss"] for r in runs(client, step="train", campaign=name)]
        for name in ("warm", "cold")
    }
    assert loss["warm"][0] == loss["cold"][0]
    assert (loss["warm"][1] == loss["warm"][0]) is (init == "champion")  # nothing was learned
    assert loss["warm"][1] != loss["cold"][1]


def test_a_shrunk_start_keeps_the_direction_of_the_champion(
    campaign: Make, client: Any, tmp_path: Path
) -> None:
    campaign(campaign="c", init="shrink-perturb", lr=1e-12, promote="always").run()
    (one, two) = (
        np.concatenate([tensor.ravel() for _, tensor in sorted(load_file(path).items())])
        for path in (weights(client, tmp_path, version) for version in (1, 2))
    )
    cosine = one @ two / (np.linalg.norm(one) * np.linalg.norm(two))
    assert 0.95 < cosine < 0.999  # perturbed, by little beside what is kept
    assert np.linalg.norm(two) < 0.7 * np.linalg.norm(one)


def weights(client: Any, folder: Path, version: int) -> Path:
    """The weights of a registered version."""
    uri = client.get_model_version_download_uri("c", str(version))
    found = mlflow.artifacts.download_artifacts(uri, dst_path=str(folder / f"v{version}"))
    return next(Path(found).rglob("weights.safetensors"))


def test_a_training_that_comes_to_no_numbers_promotes_nothing_and_the_campaign_goes_on(
    campaign: Make, client: Any
) -> None:
    result = campaign(campaign="wild", lr=1e20).run()
    assert result.curve.empty
    elections = runs(client, step="select-model", campaign="wild")
    assert len(elections) == 2
    assert all("lower lr" in run.data.tags["al.why"] for run in elections)
    assert not client.get_latest_versions("wild", ["Production"])


@pytest.mark.slow
def test_a_picture_of_the_curve_that_stands_is_not_drawn_again(campaign: Make, client: Any) -> None:
    campaign(campaign="c", cycles=1).run()
    (top,) = runs(client, role="campaign", campaign="c")
    picture = Path(unquote(urlsplit(top.info.artifact_uri).path)) / "learning_curve.png"
    first = picture.stat().st_mtime_ns
    campaign(campaign="c", cycles=1).run()
    assert picture.stat().st_mtime_ns == first
    campaign(campaign="c", cycles=2).run()
    second = picture.stat().st_mtime_ns
    assert second > first
    picture.unlink()
    campaign(campaign="c", cycles=2).run()
    assert picture.stat().st_mtime_ns > second
