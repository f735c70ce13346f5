"""A model over many samples: the same bits whatever engine runs it, in whatever order."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from al.contracts import Label
from al.engine import LocalEngine, Runner, WorkerOf, spread
from al.errors import EngineError
from tests.kinds import KINDS, made

#: Samples in batches of six: the last batch is smaller.
BATCH, COUNT = 6, 20


class Scrambled(LocalEngine):
    """Every shard by a worker of its own, in no order; what travels is pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.shards = 0

    def map(self, make_worker: Any, shards: Any) -> Any:
        mixed = random.Random(0).sample(shards, len(shards))
        self.shards += len(mixed)
        for shard in mixed:
            worker = make_worker()
            yield shard, pickle.loads(pickle.dumps(worker(pickle.loads(pickle.dumps(shard)))))


@cache
def trained(kind: str) -> Any:
    return made(kind, epochs=1)


def run(kind: str) -> tuple[Runner, Scrambled, Sequence[str], list[Label]]:
    data, graph = trained(kind)
    ids = data.ids("train")[:COUNT]
    engine = Scrambled()
    return Runner(graph, data, engine, batch=BATCH), engine, ids, data.truth(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_inferred_and_guessed_is_that_of_the_batches_one_after_the_other(kind: str) -> None:
    runner, engine, ids, _ = run(kind)
    data, graph = trained(kind)
    wants = ["probabilities", "samples", "embeddings", "losses"]
    wants += [] if kind in ("class", "number") else ["bald.mean"]
    found = runner.infer(ids, wants, samples=3, seed=5)
    assert engine.shards == 4
    batches = list(data.batches(ids, batch_size=BATCH))
    parts = [graph.infer(batch, wants, samples=3, seed=5) for batch in batches]
    for want in wants:
        assert np.array_equal(found[want], np.concatenate([part[want] for part in parts])), want
    labels, sure = runner.guesses(ids)
    guesses = [graph.guesses(batch, data.spec) for batch in batches]
    assert labels == [label for part, _ in guesses for label in part]
    assert np.array_equal(sure, np.concatenate([part for _, part in guesses]))


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_are_those_of_evaluating_all_at_once(kind: str) -> None:
    runner, engine, ids, truth = run(kind)
    data, graph = trained(kind)
    whole = graph.evaluate(data.batches(ids, truth, batch_size=BATCH))
    assert runner.evaluate(ids) == whole
    assert engine.shards == (1 if kind == "boxes" else 4)  # whose loss is that of all
    other = truth[1:] + truth[:1]
    assert runner.evaluate(ids, other) == graph.evaluate(data.batches(ids, other, batch_size=BATCH))
    assert runner.evaluate(ids, other) != whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_of_each_sample_and_of_some_is_that_of_the_graph(kind: str) -> None:
    runner, engine, ids, truth = run(kind)
    data, graph = trained(kind)
    rows = np.array([3, 3, 18, 7, 0, 19])
    some = [ids[row] for row in rows], [truth[row] for row in rows]
    for metric in graph.metrics:
        each = runner.each(ids, truth, metric)
        alone = graph.each(data.batches(ids, truth, batch_size=BATCH), metric)
        assert (each is None) == (alone is None)
        assert each is None or np.array_equal(each, alone)
        measure, before = runner.on_some(ids, truth, metric), engine.shards
        expected = graph.evaluate(data.batches(*some, batch_size=BATCH))[metric]
        assert measure(rows) == pytest.approx(expected, abs=1e-6)
        assert (engine.shards == before) == (metric != "loss")  # the model ran once


@pytest.mark.parametrize("kind", ["class", "labels", "mask"])
def test_the_temperature_is_that_of_all_samples_at_once(kind: str) -> None:
    runner, engine, ids, truth = run(kind)
    data, graph = trained(kind)
    assert runner.calibrate(ids) == graph.calibrate(data.batches(ids, truth, batch_size=BATCH))
    assert engine.shards == 1


def test_a_graph_with_an_evaluate_of_its_own_is_asked() -> None:
    data, graph = trained("class")

    class Own(type(graph)):  # type: ignore[misc]
        def evaluate(self, batches: Any) -> dict[str, float]:
            return {"seen": float(sum(len(batch.ids) for batch in batches))}

    class Under(Own):
        pass

    for kind in (Own, Under):
        own = kind(graph.trunk, graph.head, data.spec)
        assert Runner(own, data, batch=BATCH).evaluate(data.ids("val")) == {"seen": 20.0}


def test_a_model_without_a_recipe_does_not_leave_the_process() -> None:
    data, graph = trained("class")
    runner = Runner(graph, data)
    assert runner.recipe().graph is graph

    class Elsewhere(LocalEngine):
        def map(self, make_worker: Any, shards: Any) -> Any:
            return super().map(pickle.loads(pickle.dumps(make_worker)), shards)

    with pytest.raises(EngineError, match="known to this process alone: use engine=local"):
        Runner(graph, data, Elsewhere()).guesses(data.ids("val"))


def test_a_worker_does_its_work_with_what_the_recipe_makes() -> None:
    found = spread(Scrambled(), WorkerOf(list, list.__add__), [[1], [2, 3]])
    assert sorted(found) == [([1], [1]), ([2, 3], [2, 3])]
