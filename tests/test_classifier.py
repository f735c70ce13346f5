"""What learns classes of rows unless told otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.catalog import make_task
from al.contracts import DataSpec
from al.graphs import EstimatorGraph, classifier
from al.graphs.classifier import BOOSTED
from al.graphs.estimator import _in_turn

SPEC = DataSpec(("a", "b", "c"), (4,), "float32")


def fitted(count: int, seed: int = 0) -> tuple[EstimatorGraph, np.ndarray]:
    inputs = np.random.default_rng(count).normal(size=(count, 4)).astype(np.float32)
    graph = EstimatorGraph(classifier, SPEC)
    graph.fit(inputs, inputs[:, :3].argmax(axis=1), seed)
    return graph, inputs


def names(graph: EstimatorGraph) -> list[str]:
    return [name for name, _ in graph.model.estimators]


def test_boosting_has_a_vote_once_there_are_labels_enough() -> None:
    assert names(fitted(BOOSTED - 1)[0]) == ["forest", "linear"]
    assert names(fitted(BOOSTED)[0]) == ["forest", "linear", "boosting"]


@pytest.mark.parametrize("count", [30, BOOSTED])
def test_it_comes_back_bit_for_bit_as_equal_files_of_numbers(count: int, tmp_path: Path) -> None:
    (one, inputs), (two, _) = fitted(count, 3), fitted(count, 3)
    one.save_weights(tmp_path / "one")
    two.save_weights(tmp_path / "two")
    files = [(tmp_path / name / "estimator.skops").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    back = EstimatorGraph(classifier, SPEC)
    back.load_weights(tmp_path / "one")
    assert (back.predict(inputs) == one.predict(inputs)).all()


def test_samples_ask_each_voter_in_turn_and_their_mean_is_what_the_model_says() -> None:
    graph, inputs = fitted(60)
    drawn = graph._drawn(inputs, 200, seed=0)  # [N, T, C]: half are all trees, half the other
    linear = graph.model.named_estimators_["linear"].predict_proba(inputs)
    assert np.allclose(drawn[:, 1::2], linear[:, None])
    assert np.abs(drawn.mean(axis=1) - graph.predict(inputs)).max() < 1e-6
    assert drawn[:, ::2].std(axis=1).max() > 0.1


def test_draws_of_one_group_alone_are_what_they_were() -> None:
    votes = [np.full(2, float(member)) for member in range(30)]
    rows = np.random.default_rng(7).choice(30, size=20, replace=False)
    drawn = _in_turn([votes], 20, np.random.default_rng(7))
    assert [int(one[0]) for one in drawn] == rows.tolist()


def test_a_campaign_that_began_with_boosting_goes_on_with_it(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": np.sin(np.arange(60.0)), "y": ["a", "b"] * 30})
    table.to_csv(tmp_path / "rows.csv", index=False)
    task = make_task("table", {"data": str(tmp_path / "rows.csv"), "target": "y"})
    spec = task.data().spec

    def learner(spec: DataSpec) -> str:
        graph: Any = task.graph(spec)
        return type(graph._new).__name__

    assert learner(spec) == "VotingClassifier"
    before = replace(spec, details={**spec.details, "reading": 2})
    assert learner(before) == "HistGradientBoostingClassifier"
    table.assign(y=np.sqrt(np.arange(60.0))).to_csv(tmp_path / "rows.csv", index=False)
    assert learner(task.data().spec) == "HistGradientBoostingRegressor"


def test_classes_can_be_weighed() -> None:
    inputs = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
    classes = (inputs[:, 0] > 1).astype(int)
    predicted = []
    for weights in (np.ones(3), np.array([1.0, 8.0, 1.0])):
        graph = EstimatorGraph(classifier, SPEC)
        graph.weigh(weights)
        graph.fit(inputs, classes, 0)
        predicted.append(graph.predict(inputs)[:, 1].mean())
    assert predicted[1] > 1.2 * predicted[0]
