"""Heads on vectors: the linear one is the optimum of its objective, whatever the labels are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from al.agents import Examples, HeadAgent, Schedule, SupervisedAgent
from al.contracts import Batch, DataSpec
from al.data import ArrayLoader
from al.errors import ConfigError
from al.graphs import TorchGraph, fit_head, head_on
from al.graphs.linear import STRENGTH, fit_losses

WIDTH, COUNT = 24, 90


def vectors(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(COUNT, WIDTH)).astype(np.float32)


def normalised(inputs: np.ndarray) -> np.ndarray:
    inputs = inputs.astype(np.float64)
    away = inputs - inputs.mean(axis=1, keepdims=True)
    return away / np.sqrt(away.var(axis=1, keepdims=True) + 1e-5)


def made(kind: str, head: str = "linear") -> tuple[ArrayLoader, TorchGraph]:
    inputs = vectors()
    ids = [f"{row:03d}" for row in range(COUNT)]
    scores = inputs[:, :3] + 0.5 * vectors(1)[:, :3]
    targets: Any = {"class": scores.argmax(1), "labels": scores > 0.3, "number": scores[:, 0]}
    names = () if kind == "number" else ("a", "b", "c")
    data = ArrayLoader(ids, inputs, targets[kind], names, ids[80:], kind)
    torch.manual_seed(0)
    graph = head_on(data.spec, head)
    graph.prepare_training(lr=0.003, epochs=1)
    return data, graph


def trained(
    kind: str,
    candidate: int = 0,
    head: str = "linear",
    losses: bool = False,
    weights: np.ndarray | None = None,
) -> Any:
    data, graph = made(kind, head)
    if weights is not None:
        graph.weigh(weights)
    if losses:
        graph.learn_losses()
        graph.prepare_training(lr=0.003, epochs=1)
    ids = data.ids("train")[:70]
    examples = Examples(ids, tuple(data.truth(ids)))
    agent = HeadAgent if head == "linear" else SupervisedAgent
    found = agent(
        graph, data, train=examples, val=examples,
        schedule=Schedule(1, 1, 1, 32, (0, 1, candidate)), criterion=None, recorder=None,  # type: ignore[arg-type]
    )  # fmt: skip
    found.train(1)
    return data, graph


def test_a_head_counts_each_class_as_its_weight_says() -> None:
    from sklearn.linear_model import LogisticRegression

    weights = np.array([2.0, 0.4, 1.0])
    data, graph = trained("class", weights=weights)
    rows = data.rows(data.ids("train")[:70])
    inputs, targets = normalised(vectors()), np.asarray(data._targets)
    model = LogisticRegression(C=STRENGTH / WIDTH, tol=1e-10, max_iter=5000)
    model.fit(inputs[rows], targets[rows], sample_weight=weights[targets[rows]])
    assert np.allclose(graph.predict(vectors()), model.predict_proba(inputs), atol=1e-3)
    _, plain = trained("class")
    assert np.abs(plain.predict(vectors()) - graph.predict(vectors())).max() > 0.05


def test_a_head_of_classes_is_the_logistic_regression_of_its_strength() -> None:
    from sklearn.linear_model import LogisticRegression

    data, graph = trained("class")
    rows = data.rows(data.ids("train")[:70])
    inputs, targets = normalised(vectors()), np.asarray(data._targets)
    model = LogisticRegression(C=STRENGTH / WIDTH, tol=1e-10, max_iter=5000)
    model.fit(inputs[rows], targets[rows])
    assert np.allclose(graph.predict(vectors()), model.predict_proba(inputs), atol=1e-3)


def test_a_head_of_labels_is_a_logistic_regression_for_each() -> None:
    from sklearn.linear_model import LogisticRegression

    data, graph = trained("labels")
    rows = data.rows(data.ids("train")[:70])
    inputs, targets = normalised(vectors()), np.asarray(data._targets)
    answers = np.concatenate(graph.answered(vectors()))
    for label in range(3):
        model = LogisticRegression(C=STRENGTH / WIDTH, tol=1e-10, max_iter=5000)
        model.fit(inputs[rows], targets[rows, label])
        assert np.allclose(answers[:, label], model.predict_proba(inputs)[:, 1], atol=1e-3)


def test_a_head_of_a_number_is_ridge_and_as_unsure_as_leaving_one_out_says() -> None:
    from sklearn.linear_model import Ridge

    data, graph = trained("number")
    rows = data.rows(data.ids("train")[:70])
    x, y = normalised(vectors())[rows], np.asarray(data._targets)[rows].astype(float)
    errors = {}
    for strength in WIDTH * np.logspace(-3, 4, 22):
        left = [
            y[n] - Ridge(strength).fit(np.delete(x, n, 0), np.delete(y, n)).predict(x[n : n + 1])[0]
            for n in range(len(y))
        ]
        errors[strength] = float(np.mean(np.square(left)))
    best = min(errors, key=errors.__getitem__)
    found = graph.predict(vectors())
    assert np.allclose(
        found["value"], Ridge(best).fit(x, y).predict(normalised(vectors())), atol=1e-4
    )
    assert np.allclose(found["std"], np.sqrt(errors[best]), rtol=1e-4)


def test_the_same_labels_give_the_same_bits_and_other_candidates_another_model() -> None:
    one, two = trained("class")[1], trained("class")[1]
    other, more = trained("class", candidate=1)[1], trained("class", candidate=2)[1]
    inputs = vectors()
    assert np.array_equal(one.predict(inputs), two.predict(inputs))
    away = [np.abs(one.predict(inputs) - o.predict(inputs)).max() for o in (other, more)]
    assert min(away) > 0.01
    assert not np.allclose(other.predict(inputs), more.predict(inputs), atol=0.01)


@pytest.mark.parametrize("head", ["linear", "mlp"])
@pytest.mark.parametrize("kind", ["class", "labels", "number"])
def test_heads_have_what_strategies_read(tmp_path: Path, kind: str, head: str) -> None:
    data, graph = trained(kind, head=head, losses=True)
    batch = next(data.batches(data.ids("train")[:40], batch_size=40))
    wants = ["probabilities", "embeddings", "losses"] + ["samples"] * (kind != "labels")
    found = graph.infer(batch, wants, samples=6, seed=3)
    assert found["embeddings"].shape == (40, WIDTH if head == "linear" else 256)
    assert found["losses"].shape == (40,)
    assert np.std(found["losses"]) > 0
    if kind == "labels":
        found = {**found, **graph.infer(batch, ["bald.mean"], samples=6, seed=3)}
        assert found["bald.mean"].max() > 0.001
    else:
        assert found["samples"].std(axis=1).max() > 0.01  # the passes differ
    part = Batch(batch.ids[7:9], batch.inputs[7:9], None)
    again = graph.infer(part, ["probabilities"], samples=6, seed=3)["probabilities"]
    assert np.allclose(again, found["probabilities"][7:9], atol=1e-6)
    graph.save_weights(tmp_path)
    other = made(kind, head)[1]
    other.load_weights(tmp_path)
    assert np.array_equal(np.asarray(other.predict(vectors()), object),
                          np.asarray(graph.predict(vectors()), object))  # fmt: skip
    if kind != "number":
        ids = data.ids("train")[40:]
        labelled = data.batches(ids, data.truth(ids), batch_size=64)
        assert graph.calibrate(labelled).temperature > 0


def test_predicted_losses_are_ordered_as_the_losses_are() -> None:
    from scipy.stats import spearmanr

    data, graph = trained("class", losses=True)
    ids = data.ids("train")[:70]
    batch = next(data.batches(ids, data.truth(ids), batch_size=70))
    found = graph.infer(batch, ["losses"])["losses"]
    with torch.inference_mode():
        true = graph.losses(graph.network(batch.inputs), batch.targets).numpy()
    assert spearmanr(found, true).statistic > 0.3


def test_what_predicts_losses_is_learned_by_its_seed_alone() -> None:
    found = []
    for chance in range(2):
        data, graph = made("class")
        graph.learn_losses()
        ids = data.ids("train")[:40]
        batch = next(data.batches(ids, data.truth(ids), batch_size=40))
        fit_head(graph, batch.inputs, batch.targets, torch.ones(40))
        torch.manual_seed(chance)  # which is not asked
        fit_losses(graph, batch.inputs, batch.targets, seed=3)
        found.append(graph.infer(batch, ["losses"])["losses"])
    assert np.array_equal(*found)


def test_one_label_of_one_class_can_be_learned_from() -> None:
    data, graph = made("class")
    ids = data.ids("train")[:1]
    batch = next(data.batches(ids, data.truth(ids), batch_size=1))
    assert batch.targets is not None
    fit_head(graph, batch.inputs, batch.targets, torch.ones(1))
    p = graph.predict(vectors())
    assert np.isfinite(p).all()
    assert (p.argmax(1) == int(batch.targets[0])).all()


def test_masks_have_no_head_on_one_vector() -> None:
    with pytest.raises(ConfigError, match="a head on one vector a sample has no regions to give"):
        head_on(DataSpec(("a", "b"), (4,), "float32", "mask"))
