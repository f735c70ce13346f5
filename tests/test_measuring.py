"""Which metric counts: named, chosen by a rule and said, kept; whether it can be measured."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.contracts import Splits
from al.data import ArrayLoader
from al.errors import ConfigError, UnknownName
from al.kinds import kind_named
from al.pipeline import measuring
from al.pipeline.data_check import data_lines
from al.pipeline.identifying import name_of
from tests.conftest import SMALL
from tests.stores import runs

Make = Callable[..., Any]


def rare_rows(path: Path, rows: int = 300, every: int = 8) -> Path:
    """Readings of which one in `every` is of a machine that is broken."""
    rng = np.random.default_rng(0)
    lines = ["heat,noise,state"]
    for row in range(rows):
        broken = row % every == 0
        heat, noise = rng.normal(2.0 * broken, 1.0, 2)
        lines.append(f"{heat:.3f},{noise:.3f},{'broken' if broken else 'well'}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_metric_follows_from_how_many_labels_are_of_one_class_and_why(tmp_path: Path) -> None:
    given = {"task": "table", "target": "state", "validation_size": 30}
    rare = list(data_lines({**given, "data": str(rare_rows(tmp_path / "rare.csv"))}))
    message = next(line for line in rare if line.startswith("metric is "))
    assert message.startswith(
        "metric is balanced_accuracy, as 87% of 300 labels are 'well' and always saying so has "
        "accuracy 0.87; metric=… takes accuracy, macro_f1, f1, auroc, average_precision, "
    )
    assert any(line.startswith("! validation holds fewer than 5 of 30 samples") for line in rare)
    even = list(data_lines({**given, "data": str(rare_rows(tmp_path / "even.csv", every=2))}))
    assert any(line.startswith("metric is accuracy, as 50% of 300") for line in even)
    assert not any("holds fewer than" in line for line in even)
    named = list(data_lines({**given, "data": str(tmp_path / "rare.csv"), "metric": "f1"}))
    assert "f1 speaks of class 'broken'" in named
    assert any(line.startswith("metric is f1; metric=… takes accuracy") for line in named)


@pytest.mark.slow
def test_a_campaign_keeps_its_metric_and_one_begun_before_goes_on_with_accuracy(
    campaign: Make, client: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given: dict[str, Any] = {
        "task": "table", "target": "state", "data": str(rare_rows(tmp_path / "rows.csv")),
        "strategy": "margin", "class_weights": "balanced", "kpi": "0.99", "goal": "0.999",
        "estimator": "sklearn.linear_model.LogisticRegression",
    }  # fmt: skip
    caplog.set_level(logging.INFO, logger="al")
    made = campaign(**given)
    result = made.run()
    assert "metric is balanced_accuracy, as 87%" in caplog.text
    assert result.metric == "balanced_accuracy"
    assert list(result.curve) == ["labels", "balanced_accuracy"]
    assert made.name == name_of({**SMALL, **given})
    assert "metric" not in made.name
    (run,) = runs(client, role="campaign")
    assert run.data.params["metric"] == "balanced_accuracy"
    (verdict,) = runs(client, step="compare", cycle="2")
    assert "compare/balanced_accuracy" in verdict.data.metrics
    again = campaign(**given, metric="auto").run()
    assert again.curve.equals(result.curve)
    with pytest.raises(ConfigError, match="runs with metric=balanced_accuracy, not auroc"):
        campaign(**given, campaign=made.name, metric="auroc").run()

    path = Path(client.download_artifacts(run.info.run_id, "campaign.json"))
    path.write_text(path.read_text().replace('"metric": "balanced_accuracy"', '"lr": 0.003'))
    client.log_artifact(run.info.run_id, str(path))
    assert campaign(**given, metric="auto").run().metric == "accuracy"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"metric": "acuracy"}, "metric 'acuracy': did you mean 'accuracy'"),
        ({"metric": "rmse"}, "metric 'rmse': "),
        ({"metric": "kappa", "kpi": "-1.5"}, "kappa goes from -1 to 1: give one between"),
        ({"metric": "log_loss", "goal": "-1"}, "goal=-1: log_loss is at least 0: give more"),
        ({"metric": "auroc", "kpi": "90"}, "auroc goes from 0 to 1: give kpi=0.9"),
        ({"task": "bike-sharing", "class_weights": "balanced"}, "labels are numbers, in which no"),
        ({"criterion": "max:val/nosuch"}, "metric 'nosuch'"),
    ],
)
def test_what_cannot_be_measured_by_is_refused_in_a_line_before_anything_starts(
    campaign: Make, client: Any, given: dict[str, Any], says: str
) -> None:
    with pytest.raises((ConfigError, UnknownName), match=says) as caught:
        campaign(**{"task": "digits", **given}).run()
    assert "\n" not in str(caught.value)
    assert runs(client) == []


def test_weights_of_an_estimator_that_takes_none_are_refused(
    campaign: Make, client: Any, tmp_path: Path
) -> None:
    data = str(rare_rows(tmp_path / "rows.csv"))
    with pytest.raises(ConfigError, match="what task 'table' trains takes no weights: choose"):
        campaign(
            task="table", data=data, target="state", class_weights="balanced",
            estimator="sklearn.neighbors.KNeighborsClassifier",
        ).run()  # fmt: skip
    assert runs(client) == []


def loader(val: str, test: str) -> ArrayLoader:
    """One sample a letter: a, b or c; the others are training's."""
    letters = f"{val}{test}abcabc"
    ids = [f"{number:03d}" for number in range(len(letters))]
    rows = np.zeros((len(ids), 2), np.float32)
    tested = ids[len(val) : len(val) + len(test)]
    found = ArrayLoader(
        ids, rows, np.array(["abc".index(x) for x in letters]), ["a", "b", "c"], tested
    )
    found.freeze(Splits(tuple(ids[: len(val)]), tuple(tested)))
    return found


def test_few_samples_of_a_class_to_measure_on_are_reported_and_one_class_cannot_be_ranked() -> None:
    data = loader("aaaaabbbbbcc", "aaaaabbbbbccccc")
    assert measuring.few(data) == [
        "validation holds fewer than 5 of 12 samples of some classes ('c' 2), so that its figures "
        "say little of them: raise validation_size"
    ]
    measuring.check_measured("auroc", data)
    alone = loader("aaaa", "abc")
    measuring.check_measured("accuracy", alone)
    with pytest.raises(ConfigError, match=r"validation holds class 'a' alone, and auroc compares"):
        measuring.check_measured("auroc", alone)


def test_a_range_is_that_of_the_metric() -> None:
    kind = kind_named("number")(loader("a", "b").spec)
    measuring.check_range("kpi", -5.0, kind, "r2")
    with pytest.raises(ConfigError, match="r2 goes from -inf to 1"):
        measuring.check_range("kpi", 1.5, kind, "r2")


def test_a_metric_is_a_mean_over_samples_or_is_not() -> None:
    kind = kind_named("class")
    assert measuring.is_mean("accuracy", kind)
    assert not measuring.is_mean("macro_f1", kind)
    assert measuring.is_mean("a user's own", kind)
