"""Laws that every task in the catalog keeps."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al.agents import Examples, Schedule
from al.catalog import make_task, tasks
from al.contracts import DataLoader, DataSpec, Task
from al.errors import DataError, LabelError
from al.kinds import kind_of
from al.randomness import seeded
from tests.own_data import parameters

EVERY = [*tasks.names(), "image-folder+encoder", "text+encoder", "text-entities+encoder",
         "mask-folder+encoder",
         "coco+encoder"]  # fmt: skip
VALIDATION = 40


@lru_cache(maxsize=1)  # one data set in memory at a time
def load(name: str) -> tuple[Task, DataLoader]:
    task: Task = make_task(name.partition("+")[0], parameters(name))
    try:
        data = task.data()
    except DataError as error:
        if "cannot be fetched" in str(error):
            pytest.skip(str(error))
        raise
    data.freeze(data.propose_splits(VALIDATION, seed=0))
    return task, data


@pytest.fixture(params=EVERY, scope="module")
def made(request: pytest.FixtureRequest) -> tuple[Task, DataLoader]:
    return load(request.param)


def known(data: DataLoader) -> tuple[str, ...]:
    """Training samples whose label the data knows."""
    given = data.given()
    return data.ids("train") if given is None else tuple(given)


def new_graph(task: Task, data: DataLoader, seed: int = 0) -> Any:
    """A graph with random weights; one that has none, as it is fitted in one go, is fitted."""
    with seeded(seed):
        graph = task.graph(data.spec)
    if task.agent is not None:
        fit(task, graph, data, seed)
    return graph


def fit(task: Task, graph: Any, data: DataLoader, seed: int = 0) -> None:
    """One epoch of the task's own agent."""
    ids = known(data)[:64]
    examples = Examples(ids, tuple(data.truth(ids)))
    assert task.agent is not None
    task.agent(
        graph,
        data,
        train=examples,
        val=examples,
        schedule=Schedule(1, 1, 1, 32, (seed, 1, 0)),
        criterion=None,
        recorder=None,
    ).train(1)


def test_splits_are_disjoint_and_ids_are_sorted_texts(made: Any) -> None:
    _, data = made
    train, val, test = (data.ids(split) for split in ("train", "val", "test"))
    assert len({*train, *val, *test}) == len(train) + len(val) + len(test)
    assert len(val) == VALIDATION
    for ids in (train, val, test):
        assert list(ids) == sorted(ids)
        assert all(isinstance(id, str) and id for id in ids)


def test_of_no_samples_there_are_no_features(made: Any) -> None:
    assert len(made[1].features(())) == 0


def test_loading_again_gives_the_same_samples_under_the_same_ids(made: Any) -> None:
    task, data = made
    again = task.data()
    ids = known(data)[::97]
    assert again.truth(ids) == data.truth(ids)
    one, two = (next(d.batches(ids, batch_size=len(ids))).inputs for d in (data, again))
    assert np.array_equal(np.asarray(one), np.asarray(two))


def test_labels_are_ones_the_task_accepts_and_json_can_say(made: Any) -> None:
    _, data = made
    labels = data.truth(known(data)[:300])
    for label in labels:
        data.check_label(label)
    assert json.loads(json.dumps(labels)) == labels
    for label in ("no such label", None, {"size": [1, 1], "runs": [99, 1]}):
        with pytest.raises(LabelError):
            data.check_label(label)


def test_annotating_costs_something(made: Any) -> None:
    _, data = made
    costs = data.costs(data.ids("train")[:50])
    assert costs.shape == (50,)
    assert (costs > 0).all()
    assert np.isfinite(costs).all()


def test_samples_look_as_the_spec_says(made: Any) -> None:
    task, data = made
    example = task.inputs(data.spec, data.example())
    assert example.shape[1:] == data.spec.input_shape
    assert str(example.dtype) == data.spec.input_dtype
    assert DataSpec.from_dict(json.loads(json.dumps(data.spec.to_dict()))) == data.spec
    preview = data.preview(data.ids("train")[0])
    assert [preview.image is None, preview.text is None, preview.row is None].count(False) == 1


def test_the_metric_is_one_that_the_graph_measures(made: Any) -> None:
    task, data = made
    graph = new_graph(task, data)
    ids = data.ids("val")
    found = graph.evaluate(data.batches(ids, data.truth(ids), batch_size=32))
    assert set(found) == set(graph.metrics)
    assert (task.metric or kind_of(data.spec).metric) in found
    assert "loss" in found


def test_a_model_answers_alike_however_it_is_asked(made: Any) -> None:
    task, data = made
    graph = new_graph(task, data)
    (batch,) = data.batches(data.ids("train")[:2], batch_size=2)
    kind = data.spec.kind
    wants = ["probabilities", "embeddings", "samples"]
    wants += [f"entropy.{over}" for over in kind_of(data.spec).over]
    found = graph.infer(batch, wants, samples=3, seed=0)
    width = 2 if kind == "number" else len(data.spec.classes)
    assert found["probabilities"].shape == (2, width)
    assert found["samples"].shape == (2, 3, width)
    assert found["embeddings"].shape[0] == 2
    assert found["embeddings"].ndim == 2
    assert all(np.isfinite(found[want]).all() for want in wants)
    if kind in ("class", "mask"):
        assert found["probabilities"].sum(1) == pytest.approx(np.ones(2), abs=1e-5)
    answer = graph.predict(task.inputs(data.spec, data.example()))
    if kind == "class":
        assert answer == pytest.approx(found["probabilities"], abs=1e-6)
    for label in graph.guesses(batch, data.spec)[0]:
        data.check_label(label)


def test_training_lowers_the_loss(made: Any) -> None:
    task, data = made
    with seeded(0):
        graph = task.graph(data.spec)
    graph.prepare_training(lr=0.003, epochs=10)
    ids = known(data)[:24]
    labelled = list(data.batches(ids, data.truth(ids), batch_size=12))
    before = graph.evaluate(labelled)["loss"]
    if task.agent is not None:
        fit(task, graph, data)
        assert graph.evaluate(labelled)["loss"] < before
        return
    with seeded(0):
        for _ in range(8):
            for batch in labelled:
                graph.train_batch(batch)
    assert graph.evaluate(labelled)["loss"] < before


def test_weights_make_the_same_model_from_the_spec_alone(made: Any, tmp_path: Path) -> None:
    task, data = made
    one, two = new_graph(task, data, 0), new_graph(task, data, 1)
    one.save_weights(tmp_path)
    two.load_weights(tmp_path)
    example = task.inputs(data.spec, data.example())
    first, second = (graph.predict(example) for graph in (one, two))
    assert np.array_equal(np.asarray(first), np.asarray(second))
