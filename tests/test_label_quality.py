from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from al.catalog import tasks
from al.compare import agreement, suspects
from al.contracts import SECOND
from al.errors import ConfigError
from al.pipeline import label_quality
from al.pipeline.label_quality import judges
from al.pipeline.models import model_of
from tests.stores import runs, table

Make = Callable[..., Any]


def plainly(probabilities: np.ndarray, given: np.ndarray) -> set[tuple[int, int]]:
    """The off-diagonal of the confident joint as the paper writes it, loop by loop."""
    classes = probabilities.shape[1]
    usual = [
        np.mean([p[k] for p, y in zip(probabilities, given, strict=True) if y == k] or [np.inf])
        for k in range(classes)
    ]
    found = set()
    for row, (p, y) in enumerate(zip(probabilities, given, strict=True)):
        sure = [k for k in range(classes) if p[k] >= usual[k] - 1e-6]
        if sure and (best := max(sure, key=lambda k: (p[k], -k))) != y:
            found.add((row, best))
    return found


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (12, 4), elements=st.integers(1, 20).map(float)),
    arrays(np.int64, 12, elements=st.integers(0, 3)),
)
def test_what_looks_wrong_is_the_off_diagonal_of_the_confident_joint(
    raw: np.ndarray, given: np.ndarray
) -> None:
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    found = suspects(probabilities, given)
    pairs = set(zip(found.rows.tolist(), found.believed.tolist(), strict=True))
    assert pairs == plainly(probabilities, given)
    assert list(found.scores) == sorted(found.scores, reverse=True)


def test_a_flipped_label_is_the_worst_and_right_ones_are_none() -> None:
    probabilities = np.full((30, 3), 0.05)
    truth = np.arange(30) % 3
    probabilities[np.arange(30), truth] = 0.9
    assert not len(suspects(probabilities, truth).rows)
    given = truth.copy()
    given[4] = (given[4] + 1) % 3
    found = suspects(probabilities, given)
    assert (list(found.rows), list(found.believed)) == ([4], [truth[4]])


def test_people_agree_with_what_counts() -> None:
    votes = [("anna", 1, 1), ("bob", 2, 1), ("anna", 3, 3), ("bob", 3, 3)]
    assert agreement(votes) == {"anna": (2, 2), "bob": (1, 2)}


PERSON = {"campaign": "c", "annotator": "benchmarks.people:Person", "folds": 2, "epochs": 12}


def artifact(client: Any, run: Any, name: str) -> pd.DataFrame:
    return pd.read_csv(client.download_artifacts(run.info.run_id, name), dtype={"id": str})


def test_what_looks_wrong_is_listed_and_asked_about_once_more_within_the_budget(
    campaign: Make, client: Any
) -> None:
    wrong = {**PERSON, "annotator_options": "accuracy=0.8", "initial_size": 90, "epochs": 30}
    wrong |= {"strategy": "margin", "cold_start": "random"}
    campaign(**wrong, cycles=2, query_size=40, second_opinions=0.5).run()
    first, second = runs(client, role="cycle")
    listed = artifact(client, first, "suspicious.csv")
    assert first.data.metrics["quality/suspicious"] == len(listed) >= 20
    names = [entry.path for entry in client.list_artifacts(first.info.run_id)]
    assert {"suspicious.png", "annotators.csv"} <= set(names)
    assert listed["score"].is_monotonic_decreasing
    (_, chosen) = runs(client, step="select-data")
    query = table(client, chosen, "query.parquet")
    asked = query[query["strategy"] == SECOND]
    assert (len(query), len(asked)) == (40, 20)
    assert list(asked["id"]) == list(listed["id"][:20])
    labels = table(client, second, "state/labels.parquet").set_index("id")
    before = table(client, first, "state/labels.parquet").set_index("id")
    again = labels.loc[list(asked["id"])]
    assert (again["again"] == 2).all()
    assert (again["cycle"] == 1).all()
    for id, row in again.iterrows():
        one, two = json.loads(row["votes"])
        assert json.dumps(one["label"]) == before.loc[id, "label"]
        assert json.dumps(two["label"]) == row["label"]
        assert (row["before"] != "") == (one["label"] != two["label"])
    data = tasks.get("digits")().data()
    truth = [json.dumps(label) for label in data.truth(list(again.index))]
    was = (before.loc[again.index, "label"] == truth).mean()
    now = (again["label"] == truth).mean()
    assert was < 0.7 < 0.75 <= now
    metrics = second.data.metrics
    assert metrics["cycle/labels"] == 110
    assert metrics["cycle/answers"] == 130
    assert 0 < metrics["quality/agreement"] <= 1
    people = artifact(client, second, "annotators.csv")
    assert list(people["shared"]) == [40]
    assert people["model_agreement"].between(0, 1).all()


@pytest.mark.slow
def test_the_same_suspects_are_found_again(campaign: Make, client: Any) -> None:
    found = []
    for name in ("a", "b"):
        given = {
            **PERSON,
            "campaign": name,
            "annotator_options": "accuracy=0.8",
            "cycles": 1,
            "cold_start": "random",
        }  # among typical samples nothing looks wrong
        campaign(**{**given, "initial_size": 90, "epochs": 30}).run()
        (run,) = runs(client, role="cycle", campaign=name)
        found.append(artifact(client, run, "suspicious.csv").to_dict())
        metrics = run.data.metrics
        assert metrics["quality/believed"] == 1
        assert 0 < metrics["quality/seconds"] < metrics["cycle/seconds"]
    assert found[0] == found[1]


@pytest.mark.slow
def test_copies_that_judge_the_labels_say_which_look_wrong_and_none_is_trained_for_it(
    campaign: Make, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_quality, "crossed", None)  # it would train
    wrong = {**PERSON, "annotator_options": "accuracy=0.8", "initial_size": 90, "epochs": 30}
    one = campaign(**{**wrong, "validation": "folds"}, validation_size=100, cycles=1)
    one.run()
    (run,) = runs(client, role="cycle")
    listed = artifact(client, run, "suspicious.csv")
    truth = dict(zip(listed["id"], tasks.get("digits")().data().truth(listed["id"]), strict=True))
    labels = one.labels().set_index("id")["label"]
    mistaken = [str(labels[id]) != str(truth[id]) for id in listed["id"]]
    assert len(mistaken) >= 10
    assert np.mean(mistaken) > 0.5  # of all labels one in five is
    with one._looked_into() as session:
        model = model_of(session, 1)
        ids = session.state.labels.ids
        found = label_quality.by_copies(model, ids)
        half = ids[::2]
        model.crossed.part = {id: model.crossed.part[id] for id in half}
        later = label_quality.by_copies(model, ids)  # the others came after it was trained
        plain = model.infer(ids, ["probabilities"])["probabilities"]
    assert np.allclose(later[::2], found[::2], atol=1e-5)
    assert np.allclose(later[1::2], plain[1::2], atol=1e-5)
    assert not np.allclose(later[1::2], found[1::2], atol=1e-2)


def test_models_that_are_right_too_seldom_accuse_nobody(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(**{**PERSON, "epochs": 2}, cycles=1).run()
    (run,) = runs(client, role="cycle")
    assert run.data.metrics["quality/believed"] == 0
    assert run.data.metrics["quality/model_agreement"] < 0.5
    assert "quality/suspicious" not in run.data.metrics
    assert "suspicious.csv" not in [e.path for e in client.list_artifacts(run.info.run_id)]
    assert "no label is accused: models that have not seen them are right of" in caplog.text


def test_who_is_right_of_half_the_labels_for_sure_is_a_judge() -> None:
    assert judges(0.68, 90)
    assert not judges(0.38, 180)
    assert not judges(0.55, 30)  # that may be chance
    assert judges(0.55, 1000)


def test_where_nobody_errs_or_folds_are_off_nothing_is_trained_for_it(
    campaign: Make, client: Any
) -> None:
    campaign(campaign="a", cycles=1).run()
    campaign(**{**PERSON, "campaign": "b", "folds": 0}, cycles=1).run()
    for run in runs(client, role="cycle"):
        assert "quality/suspicious" not in run.data.metrics


def test_second_opinions_of_who_cannot_give_them_are_refused(campaign: Make, folder: Path) -> None:
    with pytest.raises(ConfigError, match="annotator 'oracle' asks about a sample once only"):
        campaign(campaign="c", second_opinions=0.1).run()
