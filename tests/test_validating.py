"""What models are judged by: with folds the labels that they learn, in whole campaigns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.agents import SupervisedAgent
from al.catalog import tasks
from al.config import Config
from al.data_selector import View
from al.engine import LocalEngine
from al.errors import ConfigError
from al.pipeline import predicting
from al.pipeline.data_check import data_lines
from al.pipeline.making import FEW
from al.pipeline.models import model_of
from al.pipeline.validating import calibrated, judges_of
from tests.own_data import fruit_table
from tests.stores import runs

Make = Callable[..., Any]
FOLDS = {"validation": "folds", "validation_size": Config().validation_size}


def test_a_campaign_with_folds_puts_nothing_aside_and_its_labels_judge_its_models(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="al")
    one = campaign(campaign="c", promote="always", **FOLDS)
    result = one.run()
    assert result.validation_labels == 0
    assert "(validated by folds)" in result.sentence()
    assert "30 labels  typiclust" in caplog.text
    with one._looked_into() as session:
        assert session.splits.val == ()
        record = session.state.champion_record
        model = model_of(session, record.version)
        assert model.crossed is not None
        assert set(model.crossed.part) == set(one.labels()["id"])
        labels = session.state.labels
        assert record.val == model.crossed.evaluate(session.data, labels.ids, labels.labels)
        assert record.val != record.test
        found = calibrated(model, judges_of(session, labels, model))
        guesses = predicting.Guesses(session, model)
    _, second = runs(client, step="select-model")
    held = json.loads(
        Path(client.download_artifacts(second.info.run_id, "election.json")).read_text()
    )
    assert held["validation_labels"] == 40
    assert held["why"].endswith("on the 30 labels that both are judged by")
    assert held["held"] != held["winner"]["metrics"]
    assert second.data.metrics["calibration/temperature"] == found.temperature
    assert len(guesses.val_right) == 40
    _, closed = runs(client, role="cycle")
    gained = held["held"]["val/accuracy"] - held["champion_metrics"]["val/accuracy"]
    assert closed.data.metrics["cycle/gain_accuracy"] == pytest.approx(gained)
    assert closed.data.metrics["cycle/validation_labels"] == 0
    version = client.get_model_version("c", "2")
    assert " by folds, 40 labels" in version.description


@pytest.mark.slow
def test_a_campaign_with_folds_goes_on_where_it_was_cut_off(campaign: Make) -> None:
    whole = campaign(campaign="c", cycles=2, **FOLDS).run()
    campaign(campaign="d", cycles=2, **FOLDS).step("select-data")
    for step in ("annotate", "compare", "train", "select-model"):
        campaign(campaign="d", cycles=2, **FOLDS).step(step)
    assert campaign(campaign="d", cycles=2, **FOLDS).run().curve.equals(whole.curve)


def test_a_version_that_brings_no_copies_has_no_labels_to_be_judged_by(
    campaign: Make, client: Any
) -> None:
    one = campaign(campaign="c", cycles=1, **FOLDS)
    one.run()
    with one._looked_into() as session:
        model = model_of(session, 1)
        model.crossed = None
        on = judges_of(session, session.state.labels, model)
        assert on.ids == ()
        assert calibrated(model, on) is None


def test_targets_of_epig_are_training_samples_where_none_are_put_aside() -> None:
    task = tasks.get("digits")()
    data = task.data()
    ids = data.ids("train")
    view = View(ids[:50], (), (), data=data, champion_model=None, engine=LocalEngine())
    asked: list[Any] = []
    view._source.infer = lambda ids, name: asked.extend(ids)  # type: ignore[assignment,method-assign]
    view.target_samples  # noqa: B018
    assert 50 < len(asked) <= 100
    assert set(asked) <= set(ids)
    rows = np.searchsorted(ids, asked)
    assert rows.min() < 50 < 1000 < rows.max()


class OwnLoop(SupervisedAgent):
    """Trains in a way of its own."""

    def fit(self) -> None:
        """Not at all."""


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"validation_size": 30}, "validation_size=30: validation=folds puts no samples aside"),
        ({"init": "champion"}, "init=champion begins with weights that have learned the labels"),
        ({"validation": "leave-one-out"}, "validation=leave-one-out: choose one of folds, set"),
    ],
)
def test_what_does_not_go_with_folds_is_refused(
    campaign: Make, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match="validation") as refused:
        campaign(campaign="c", **{**FOLDS, **parameters}).run()
    assert message in str(refused.value)


def test_a_training_loop_of_ones_own_is_refused(
    campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.get("digits"), "agent", OwnLoop)
    with pytest.raises(ConfigError, match="has a training loop of its own, which trains no copies"):
        campaign(campaign="c", **FOLDS).run()


def test_labels_go_from_a_set_to_folds_and_not_back(campaign: Make) -> None:
    campaign(campaign="c", cycles=1).run()
    folds = campaign(campaign="d", cycles=1, labels_from="c", **FOLDS)
    folds.run()
    with folds._looked_into() as session:
        assert session.splits.val == ()
    with pytest.raises(ConfigError, match="pass validation=folds as it did"):
        campaign(campaign="e", cycles=1, labels_from="d").run()


def test_samples_that_the_data_puts_aside_are_not_left_out_in_silence(tmp_path: Path) -> None:
    path = fruit_table(tmp_path / "rows.csv")
    given = {"task": "table", "data": str(path), "target": "kind", "validation": "folds"}
    assert not any(line.startswith("val:") for line in data_lines(given))
    frame = pd.read_csv(path)
    frame["split"] = ""
    frame.loc[frame["kind"].notna().to_numpy().nonzero()[0][:8], "split"] = "val"
    frame.to_csv(path, index=False)
    with pytest.raises(ConfigError, match="puts no samples aside, and the data does 8: give"):
        list(data_lines(given))


def test_fewer_labels_than_folds_need_train_all_the_same(campaign: Make) -> None:
    small = {"initial_size": 1, "query_size": 2, "cycles": 3}
    result = campaign(campaign="c", **small, **FOLDS).run()
    assert list(result.curve["labels"]) == [1, 3, 5]
    assert FEW == 10
