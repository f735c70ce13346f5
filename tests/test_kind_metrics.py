"""Metrics by name are those of scikit-learn, whatever graph measures them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from torch import nn

from al.contracts import Batch, DataSpec, Graph
from al.errors import UnknownName
from al.graphs import (
    ClassificationGraph,
    EstimatorGraph,
    MultiLabelGraph,
    RegressionGraph,
    estimator_named,
)
from al.kinds import kind_named
from al.kinds.metrics import OF_CLASSES, OF_LABELS, OF_NUMBERS

TWO = DataSpec(("no", "yes"), (4,), "float32")
THREE = DataSpec(("a", "b", "c"), (4,), "float32")
SEVERAL = DataSpec(("a", "b", "c"), (4,), "float32", "labels")
NUMBER = DataSpec((), (4,), "float32", "number")

#: How scikit-learn says it of probabilities of two classes and of three, and the truth.
BY_HAND: dict[str, tuple[Any, Any]] = {
    "accuracy": (lambda y, p: metrics.accuracy_score(y, p.argmax(1)),) * 2,
    "balanced_accuracy": (lambda y, p: metrics.balanced_accuracy_score(y, p.argmax(1)),) * 2,
    "macro_f1": (lambda y, p: metrics.f1_score(y, p.argmax(1), average="macro"),) * 2,
    "f1": (
        lambda y, p: metrics.f1_score(y, p.argmax(1)),
        lambda y, p: metrics.f1_score(y, p.argmax(1), average="macro"),
    ),
    "auroc": (
        lambda y, p: metrics.roc_auc_score(y, p[:, 1]),
        lambda y, p: metrics.roc_auc_score(y, p, multi_class="ovr"),
    ),
    "average_precision": (
        lambda y, p: metrics.average_precision_score(y, p[:, 1]),
        lambda y, p: metrics.average_precision_score(np.eye(3)[y], p),
    ),
    "kappa": (lambda y, p: metrics.cohen_kappa_score(y, p.argmax(1)),) * 2,
    "mcc": (lambda y, p: metrics.matthews_corrcoef(y, p.argmax(1)),) * 2,
    "log_loss": (lambda y, p: metrics.log_loss(y, p, labels=range(p.shape[1])),) * 2,
}


def drawn(classes: int, seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that know something of the truth, and it; every class is there."""
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(classes), rng.integers(classes, size=count - classes)]
    p = rng.dirichlet(np.ones(classes), size=count) + 0.3 * np.eye(classes)[y]
    return (p / p.sum(axis=1, keepdims=True)).astype(np.float32), y


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(OF_CLASSES)), st.sampled_from([2, 3]), st.integers(0, 10**6))
def test_a_metric_of_classes_is_that_of_scikit_learn(name: str, classes: int, seed: int) -> None:
    p, y = drawn(classes, seed)
    p = p.astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    found = OF_CLASSES[name](p, y, TWO if classes == 2 else THREE)
    assert found == pytest.approx(BY_HAND[name][classes - 2](y, p), abs=1e-6)
    assert OF_CLASSES[name].low <= found <= OF_CLASSES[name].high


def test_every_metric_of_classes_is_held_to_scikit_learn() -> None:
    assert set(BY_HAND) == set(OF_CLASSES)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_metrics_of_several_labels_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.r_[np.eye(3, dtype=int), rng.integers(2, size=(40, 3))]
    p = np.clip(0.3 * y + 0.7 * rng.random((43, 3)), 0, 1)
    by_hand = {
        "macro_f1": metrics.f1_score(y, p >= 0.5, average="macro", zero_division=0),
        "micro_f1": metrics.f1_score(y, p >= 0.5, average="micro", zero_division=0),
        "exact_match": metrics.accuracy_score(y, p >= 0.5),
        "auroc": metrics.roc_auc_score(y, p),
        "average_precision": metrics.average_precision_score(y, p),
    }
    found = {name: metric(p, y, SEVERAL) for name, metric in OF_LABELS.items()}
    assert found == pytest.approx(by_hand)


@pytest.mark.parametrize("name", ["auroc", "average_precision"])
@pytest.mark.parametrize("spec", [TWO, THREE, SEVERAL], ids=["two", "three", "several"])
def test_a_model_that_is_sure_is_ranked_as_its_logits_say(name: str, spec: DataSpec) -> None:
    rng = np.random.default_rng(0)
    count = len(spec.classes)
    y = np.r_[np.eye(count, dtype=int), rng.multinomial(1, [1 / count] * count, size=300)]
    logits = torch.from_numpy(rng.normal(14 * y, 7)).float()
    head = nn.Identity()
    graph = (MultiLabelGraph if spec is SEVERAL else ClassificationGraph)(head, head, spec)
    p = graph.answers(logits).numpy()
    assert (p.astype(np.float32) == 1).sum() > 20
    if spec is SEVERAL:
        found, scores = OF_LABELS[name](p, y, spec), logits.double()
    else:
        found = OF_CLASSES[name](p, y.argmax(axis=1), spec)
        others = [np.delete(np.arange(count), c) for c in range(count)]
        rest = [logits.double()[:, columns].logsumexp(1) for columns in others]
        scores = logits.double() - torch.stack(rest, dim=1)
    columns = [1] if spec is TWO else range(count)
    measure = {"auroc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}
    expected = np.mean([measure[name](y[:, c], scores[:, c]) for c in columns])
    assert found == pytest.approx(expected, abs=1e-6)


def test_metrics_of_numbers_are_those_of_scikit_learn_and_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=30), np.abs(rng.normal(size=(30, 2))) + 0.1
    found = {name: metric(predicted, y, NUMBER) for name, metric in OF_NUMBERS.items()}
    nll = np.mean(
        0.5 * np.log(2 * np.pi * predicted[:, 1]) + (y - predicted[:, 0]) ** 2 / 2 / predicted[:, 1]
    )
    assert found == pytest.approx({
        "rmse": metrics.root_mean_squared_error(y, predicted[:, 0]),
        "mae": metrics.mean_absolute_error(y, predicted[:, 0]),
        "r2": metrics.r2_score(y, predicted[:, 0]),
        "nll": nll,
    })  # fmt: skip


def test_metrics_of_one_class_speak_of_the_rarer_one_where_the_data_says_which() -> None:
    p, y = drawn(2, 1)
    first = DataSpec(("bad", "good"), (4,), "float32", "class", {"positive": 0})
    for name in ("f1", "average_precision"):
        mirrored = OF_CLASSES[name](p[:, ::-1], 1 - y, TWO)
        assert OF_CLASSES[name](p, y, first) == pytest.approx(mirrored)
        assert OF_CLASSES[name](p, y, first) != pytest.approx(OF_CLASSES[name](p, y, TWO))


def test_a_class_that_is_guessed_and_never_there_has_no_share_in_the_balance() -> None:
    y, p = np.array([0, 0, 1, 1]), np.eye(3)[[0, 2, 1, 1]]
    found = OF_CLASSES["balanced_accuracy"](p, y, THREE)
    assert found == 0.75  # the mean of what is found of the first class and of the second


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_metric_speaks_of_one_of_two_classes_where_it_says_so(name: str) -> None:
    rng = np.random.default_rng(0)
    p, targets = rng.dirichlet([1, 2], 40), (rng.random(40) < 0.7).astype(int)
    spec = DataSpec(("a", "b"), (4,), "float32")
    metric = OF_CLASSES[name]
    one, other = metric(p, targets, spec), metric(p[:, ::-1], 1 - targets, spec)
    assert (one != pytest.approx(other)) == metric.of_one


def test_what_cannot_be_measured_is_not_a_number_and_says_nothing() -> None:
    p, _ = drawn(2, 0)
    alone = np.zeros(len(p), int)
    broken = np.full_like(p, np.nan)
    for name, metric in OF_CLASSES.items():
        assert math.isnan(metric(broken, alone, TWO)), name
        assert math.isnan(metric(p[:0], alone[:0], TWO)), name
        assert math.isnan(metric(p, alone, TWO)) == metric.varied, name


def batches(spec: DataSpec) -> list[Batch]:
    rng = np.random.default_rng(3)
    inputs = torch.from_numpy(rng.normal(size=(50, 4)).astype(np.float32))
    count = len(spec.classes)
    targets: Any = inputs[:, :count].argmax(1) if spec.kind == "class" else inputs[:, 0] * 2
    if spec.kind == "labels":
        targets = (inputs[:, :count] > 0).long()
    ids = tuple(map(str, range(50)))
    cuts = (slice(0, 30), slice(30, 50))
    return [Batch(ids[cut], inputs[cut], targets[cut]) for cut in cuts]


def graph_of(name: str) -> tuple[Graph, DataSpec]:
    torch.manual_seed(0)
    made = {"class": (ClassificationGraph, THREE), "labels": (MultiLabelGraph, SEVERAL),
            "number": (RegressionGraph, NUMBER)}  # fmt: skip
    if name in made:
        graph, spec = made[name]
        return graph(nn.Linear(4, 8), nn.Linear(8, len(spec.classes) or 2), spec), spec
    spec = NUMBER if name == "fitted number" else THREE
    text = "sklearn.linear_model." + ("Ridge" if spec is NUMBER else "LogisticRegression")
    fitted = EstimatorGraph(estimator_named(text, of_numbers=spec is NUMBER), spec)
    some = batches(spec)[0]
    fitted.fit(np.asarray(some.inputs), np.asarray(some.targets), 0)
    return fitted, spec


@pytest.mark.parametrize("name", ["class", "labels", "number", "fitted class", "fitted number"])
def test_a_graph_measures_any_metric_of_its_kind_by_name(name: str) -> None:
    graph, spec = graph_of(name)
    known = kind_named(spec.kind).metrics
    graph.measure(list(known))
    some = batches(spec)
    found = graph.evaluate(some)
    assert set(found) == set(graph.metrics) == {*known, "loss"}
    assert {n for n, metric in known.items() if metric.lower} | {"loss"} == set(graph.lower)
    parts = list(graph.compared(some) or ())
    answers = np.concatenate([part.answers for part in parts])
    targets = np.concatenate([part.targets for part in parts])
    rows = np.arange(0, 50, 2)
    for metric, of in known.items():
        assert found[metric] == pytest.approx(of(answers, targets, spec), abs=1e-6)
        on_some = graph.on_some(parts, metric)
        assert on_some is not None
        assert on_some(rows) == pytest.approx(of(answers[rows], targets[rows], spec))
        each = graph.each(some, metric)
        assert (each is not None) == (of.each is not None)
        if each is not None:
            assert each.mean() == pytest.approx(found[metric], abs=1e-6)
    with pytest.raises(UnknownName, match=r"^metric 'nosuch': "):
        graph.measure(["nosuch"])


def test_a_metric_without_value_counts_as_nothing_and_no_number_as_none() -> None:
    graph, _ = graph_of("class")
    graph.measure(["auroc"])
    some = batches(THREE)[0]
    alone = Batch(some.ids, some.inputs, torch.zeros_like(some.targets))
    assert graph.evaluate([alone])["auroc"] == 0.0
    broken = Batch(some.ids, some.inputs * math.nan, some.targets)
    assert math.isnan(graph.evaluate([broken])["auroc"])
