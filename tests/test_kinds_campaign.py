"""Whole campaigns on every kind of problem, small, through the pipeline that all share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.config import Config
from al.errors import ConfigError, StrategyError
from al.pipeline.stopping import Standing, rules_of, why_to_stop
from tests.kinds import KINDS
from tests.stores import production, runs, table

#: A campaign of three seconds.
TINY: dict[str, Any] = {
    "campaign": "c", "validation_size": 15, "initial_size": 15, "query_size": 6, "passes": 3,
    "lr": 0.01,
}  # fmt: skip
STRATEGY = {"class": "margin", "number": "igs", "mask": "bald", "boxes": "entropy"}


def task(kind: str) -> str:
    return f"tests.kinds:{KINDS[kind].__name__}"


def read(client: Any, run: Any, name: str) -> Any:
    return json.loads(Path(client.download_artifacts(run.info.run_id, name)).read_text())


@pytest.mark.parametrize("kind", KINDS)
def test_a_campaign_runs_on_every_kind_of_problem_and_its_version_answers(
    kind: str, campaign: Callable[..., Any], client: Any
) -> None:
    import mlflow

    metric = KINDS[kind].metric
    strategy = STRATEGY.get(kind, "entropy")
    result = campaign(task=task(kind), strategy=strategy, kpi=0.5, audit=0.4, **TINY).run()
    assert result.curve["labels"].tolist()[0] == 15
    assert np.isfinite(result.curve[metric]).all()
    assert production(client, "c") == [result.version]
    _, second = runs(client, step="select-data", campaign="c")
    query = table(client, second, "query.parquet")
    data: Any = KINDS[kind]().data()
    for text in query["predicted"]:
        data.check_label(text if kind == "class" else json.loads(text))
    shown = "query.html" if kind == "entities" else "query.png"  # a sheet shows no texts
    page = Path(client.download_artifacts(second.info.run_id, shown))
    assert kind != "entities" or "<mark " in page.read_text()
    (verdict,) = [
        read(client, r, "verdict.json")
        for r in runs(client, step="compare", cycle="2", campaign="c")
    ]
    assert verdict["interval"][0] <= verdict["value"] <= verdict["interval"][1]
    if kind != "number":
        election = runs(client, step="select-model", cycle="1", campaign="c")[0]
        scaled = "calibration/ece_scaled" in election.data.metrics
        assert scaled == (kind in ("class", "labels", "mask", "entities"))
    model = mlflow.pyfunc.load_model("models:/c/Production")
    answer = model.predict(data.example())
    assert len(answer) == 2 or kind == "boxes"
    assert model.metadata.signature is not None


def test_the_best_checkpoint_of_a_regression_has_the_lowest_error(
    campaign: Callable[..., Any], client: Any
) -> None:
    campaign(task=task("number"), strategy="random", **TINY).run()
    (run,) = runs(client, step="select-model", cycle="1", campaign="c")
    election = read(client, run, "election.json")
    errors = [candidate["metrics"]["val/rmse"] for candidate in election["candidates"]]
    assert election["winner"]["metrics"]["val/rmse"] == min(errors)


@pytest.mark.parametrize(
    ("kind", "given", "error", "says"),
    [
        ("number", {"strategy": "margin"}, StrategyError, "labels are numbers: choose variance"),
        ("mask", {"strategy": "badge"}, StrategyError, "labels are masks: choose entropy"),
        ("mask", {"strategy": "entropy(over=sum)"}, StrategyError, "choose one of patch"),
        ("boxes", {"baseline": "gsy"}, StrategyError, "labels are boxes"),
        ("class", {"cold_start": "gsy"}, StrategyError, "there is no model yet"),
        ("labels", {"balance": "on"}, ConfigError, "balance=on evens out classes"),
        ("labels", {"audit_by": "doubt"}, ConfigError, "audit_by=doubt reads probabilities"),
        ("mask", {"stable": 0.9}, ConfigError, "stable=0.9 compares classes"),
        ("number", {"calibrate": "on"}, ConfigError, "calibrate=on: models of task"),
        ("boxes", {"calibrate": "on"}, ConfigError, "have no probabilities to scale"),
        ("class", {"task": "adult", "precision": "bfloat16"}, ConfigError, "are not networks"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(
    kind: str,
    given: dict[str, Any],
    error: type[Exception],
    says: str,
    campaign: Callable[..., Any],
    client: Any,
) -> None:
    with pytest.raises(error, match=says):
        campaign(**{"task": task(kind), "strategy": "random", **TINY, **given}).run()
    assert runs(client, campaign="c") == []


@pytest.mark.slow
def test_scores_are_scaled_on_request(campaign: Callable[..., Any], client: Any) -> None:
    found = {}
    for calibrate in ("off", "on"):
        given = {**TINY, "campaign": calibrate, "calibrate": calibrate}
        campaign(task=task("mask"), strategy="entropy", **given).run()
        _, second = runs(client, step="select-data", campaign=calibrate)
        found[calibrate] = table(client, second, "query.parquet")["score"]
    assert not np.allclose(found["off"], found["on"])


def test_costs_count_outlines_where_labels_are_masks(
    campaign: Callable[..., Any], client: Any
) -> None:
    campaign(task=task("mask"), strategy="entropy", costs="on", **TINY).run()
    _, second = runs(client, step="select-data", campaign="c")
    assert "samples for" in second.data.tags["al.why"]


def stops(values: list[float], *, lower: bool, **given: Any) -> str:
    history = [{"val_rmse": value} for value in values]
    config = Config(cycles=99, **given)
    return why_to_stop(rules_of("none"), Standing(config, history, 100, 100, 0, 1, "rmse", lower))


def test_an_error_that_no_longer_falls_ends_a_campaign_and_one_that_falls_does_not() -> None:
    assert not stops([9.0, 5.0, 4.0, 3.0], lower=True, plateau=2)
    assert "the last 2 cycles gained" in stops([3.0, 4.0, 5.0, 9.0], lower=True, plateau=2)
    assert not stops([3.0, 4.0, 5.0, 9.0], lower=False, plateau=2)


def test_answers_that_an_annotator_cannot_take_are_refused_before_anything_starts(
    campaign: Callable[..., Any], client: Any
) -> None:
    able = "annotator=label-studio or oracle or page"
    says = f"annotator 'files' takes no regions, .* masks: use {able}"
    with pytest.raises(ConfigError, match=says):
        campaign(task=task("mask"), strategy="random", annotator="files", **TINY).run()
    assert runs(client, role="campaign") == []
