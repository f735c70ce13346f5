"""Copies of a model that judge labels which they have not seen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from al.agents import Agent, Examples
from al.config import Config
from al.contracts import Graph
from al.experiment.prepared import makings_of
from al.graphs import FOLDS, Crossed, parted
from al.pipeline.making import Makings
from tests.test_agents import FolderRecorder

LABELLED = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc")), max_size=60)


def of(labelled: list[tuple[int, str]], seed: int = 0) -> dict[str, int]:
    contents = [str(content) for content, _ in labelled]
    ids = [f"{row}" for row in range(len(labelled))]
    return parted(ids, contents, [label for _, label in labelled], seed)


@given(labelled=LABELLED)
def test_copies_are_in_one_part(labelled: list[tuple[int, str]]) -> None:
    part = of(labelled)
    if len({content for content, _ in labelled}) < 2:
        assert part == {}
        return
    assert len(part) == len(labelled)
    parts: dict[int, set[int]] = {}
    for row, (content, _) in enumerate(labelled):
        parts.setdefault(content, set()).add(part[str(row)])
    assert all(len(found) == 1 for found in parts.values())
    assert len(set(part.values())) == min(FOLDS, len(parts))


@given(labels=st.lists(st.sampled_from("abc"), min_size=FOLDS, max_size=60), more=st.integers(0, 9))
def test_parts_hold_classes_evenly_and_a_label_stays_in_its_own(
    labels: list[str], more: int
) -> None:
    part = of(list(enumerate(labels)))
    counts = Counter((label, part[str(row)]) for row, label in enumerate(labels))
    for label in set(labels):
        of_label = [counts[label, fold] for fold in range(FOLDS)]
        assert max(of_label) - min(of_label) <= 1
    later = of(list(enumerate([*labels, *"abc" * more])))
    assert {id: later[id] for id in part} == part


def test_the_seed_says_which_part_a_label_is_in() -> None:
    labelled = [(row, "a") for row in range(50)]
    assert of(labelled, 1) == of(labelled, 1) != of(labelled, 2)


@pytest.fixture(scope="module")
def makings() -> Makings:
    config = Config(
        task="digits", strategy="margin", metric="accuracy", validation="folds", epochs=2
    )
    return makings_of(config)


@pytest.fixture(scope="module")
def trained(makings: Makings) -> Agent:
    ids = makings.data.ids("train")[:40]
    known = Examples(ids, tuple(makings.data.truth(ids)))
    agent = makings.agent(known, None, cycle=1, number=0, checkpoints=1)
    agent.fit()
    return agent


def rows_of(crossed: Crossed, ids: tuple[str, ...], fold: int) -> list[int]:
    return [row for row, id in enumerate(ids) if crossed.part[id] == fold]


def alone(graph: Graph, data: Any, ids: list[str]) -> np.ndarray:
    (batch,) = data.batches(ids, batch_size=len(ids))
    return graph.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]


def test_each_label_is_judged_by_the_copy_that_has_not_seen_it(trained: Agent) -> None:
    crossed, known = trained.crossed, trained.train_examples
    assert crossed is not None
    for fold, copy in enumerate(trained.folds):
        own = {known.ids[row] for row in rows_of(crossed, known.ids, fold)}
        assert own
        assert own.isdisjoint(copy.train_examples.ids)
        assert len(own) + len(copy.train_examples.ids) == len(known.ids)
    p = crossed.probabilities(trained.data, known.ids)
    for fold, graph in enumerate(crossed.graphs):
        rows = rows_of(crossed, known.ids, fold)
        assert np.array_equal(p[rows], alone(graph, trained.data, [known.ids[r] for r in rows]))
    labels, sure = crossed.guesses(trained.data, known.ids)
    classes = trained.data.spec.classes
    assert labels == [classes[c] for c in p.argmax(axis=1)]
    assert sure == pytest.approx(p.max(axis=1))
    right = np.mean([mine == label for mine, label in zip(labels, known.labels, strict=True)])
    found = crossed.evaluate(trained.data, known.ids, known.labels)
    assert found["accuracy"] == pytest.approx(right, abs=1e-6)


def test_a_metric_that_is_not_made_of_parts_is_the_mean_over_copies(
    trained: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossed, known = trained.crossed, trained.train_examples
    assert crossed is not None
    together = crossed.evaluate(trained.data, known.ids, known.labels)
    monkeypatch.setattr(type(trained.graph), "in_parts", False)
    assert crossed.evaluate(trained.data, known.ids, known.labels) == pytest.approx(together)


def test_the_temperature_is_that_of_what_all_copies_say(trained: Agent) -> None:
    crossed, known = trained.crossed, trained.train_examples
    assert crossed is not None
    found = crossed.calibrate(trained.data, known.ids, known.labels)
    right = np.array([trained.data.spec.classes.index(label) for label in known.labels])

    def loss(temperature: float) -> float:
        p = crossed.scaled(temperature).probabilities(trained.data, known.ids)
        return float(-np.log(p[np.arange(len(p)), right]).mean())

    assert loss(found.temperature) < min(loss(found.temperature * f) for f in (0.9, 1.1))


def test_copies_come_back_as_they_were_saved(
    trained: Agent, makings: Makings, tmp_path: Path
) -> None:
    crossed, ids = trained.crossed, trained.train_examples.ids
    assert crossed is not None
    assert Crossed.load(tmp_path, makings.new_graph) is None
    crossed.save(tmp_path)
    again = Crossed.load(tmp_path, makings.new_graph)
    assert again is not None
    assert again.part == crossed.part
    before, after = (each.probabilities(trained.data, ids) for each in (crossed, again))
    assert np.array_equal(before, after)


def test_a_training_that_was_cut_off_ends_with_the_same_copies(
    makings: Makings, tmp_path: Path
) -> None:
    ids = makings.data.ids("train")[:20]
    known = Examples(ids, tuple(makings.data.truth(ids)))

    def fitted(recorder: FolderRecorder) -> Agent:
        agent = makings.agent(known, recorder, cycle=1, number=0, checkpoints=2)
        agent.fit()
        return agent

    whole = fitted(FolderRecorder(tmp_path / "straight"))
    with pytest.raises(KeyboardInterrupt):
        fitted(FolderRecorder(tmp_path / "cut", die_at=2))
    torch.rand(7)  # whatever else draws from torch in between
    again = FolderRecorder(tmp_path / "cut")
    resumed = fitted(again)
    assert list(again.epochs) == [2]
    assert whole.crossed is not None
    assert resumed.crossed is not None
    before, after = (each.crossed.probabilities(makings.data, ids) for each in (whole, resumed))  # type: ignore[union-attr]
    assert np.array_equal(before, after)


def test_few_labels_are_said_to_tell_little(
    makings: Makings, caplog: pytest.LogCaptureFixture
) -> None:
    ids = makings.data.ids("train")[:9]
    for count, parts in ((9, 5), (3, 3), (1, 0)):
        known = Examples(ids[:count], tuple(makings.data.truth(ids[:count])))
        agent = makings.agent(known, None, cycle=1, number=0, checkpoints=1)
        agent.fit()
        assert len(agent.folds) == parts
        message = f"{count} labels are few to judge a model by" if count > 1 else "1 label judges"
        assert message in caplog.text
