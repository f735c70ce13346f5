"""Graphs of every kind of problem: loss, metrics, state, calibration, what they answer."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from al.contracts import Batch, DataSpec
from al.graphs import (
    ClassificationGraph,
    MultiLabelGraph,
    SegmentationGraph,
    load_tree,
    save_tree,
)
from al.graphs.meters import MeanAveragePrecision
from al.kinds.boxes import overlaps
from al.randomness import seeded
from tests.kinds import KINDS, made


def labelled(data: Any, count: int = 40, size: int = 20) -> list[Any]:
    ids = data.ids("train")[:count]
    return list(data.batches(ids, data.truth(ids), batch_size=size))


@pytest.mark.parametrize("kind", KINDS)
def test_training_lowers_the_loss_and_betters_the_metric(kind: str) -> None:
    data, graph = made(kind)
    before = graph.evaluate(labelled(data))
    data, graph = made(kind, epochs=50)
    after = graph.evaluate(labelled(data))
    assert after["loss"] < before["loss"]
    name = KINDS[kind].metric
    assert (after[name] > before[name]) != (name in graph.lower)
    assert set(after) == set(graph.metrics)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_computed_where_outputs_and_targets_are(kind: str) -> None:
    if kind == "mask":
        pytest.skip("torch's one_hot looks at values, which this device has none of")
    data, graph = made(kind)
    (batch,) = labelled(data, 8)
    outputs = graph.network(graph.prepare(batch.inputs))
    # stands for a GPU: what is made elsewhere on the way is refused there as here
    found = graph.losses(outputs.to("meta"), batch.targets.to("meta"))
    assert (found.device.type, len(found)) == ("meta", 8)


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_do_not_depend_on_how_the_batches_are_cut(kind: str) -> None:
    data, graph = made(kind, epochs=5)
    whole, parts = (graph.evaluate(labelled(data, size=size)) for size in (40, 7))
    assert whole == pytest.approx(parts, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_on_some_samples_is_that_of_evaluating_these(kind: str) -> None:
    data, graph = made(kind, epochs=5)
    ids = np.array(data.ids("train")[:30])
    metric = graph.metrics[0]
    parts = graph.compared(data.batches(ids, data.truth(ids), batch_size=8))
    measure = graph.on_some(parts, metric)
    rows = np.array([3, 3, 29, 0, 11, 17])  # as a bootstrap draws them
    again = graph.evaluate(data.batches(ids[rows], data.truth(ids[rows]), batch_size=8))
    assert measure(rows) == pytest.approx(again[metric], abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_training_goes_on_from_its_state_as_if_it_had_never_stopped(
    kind: str, tmp_path: Path
) -> None:
    def go_on(graph: Any) -> dict[str, Any]:
        with seeded(9):
            for batch in batches:
                graph.train_batch(batch)
        return dict(graph.network.state_dict())

    data, straight = made(kind, epochs=3)
    batches = labelled(data)
    save_tree(straight.state(), tmp_path / "state")
    _, again = made(kind, seed=5)
    again.restore(load_tree(tmp_path / "state"))
    one, two = go_on(straight), go_on(again)
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_back_and_the_head_that_learns_losses_with_them(
    kind: str, tmp_path: Path
) -> None:
    data, one = made(kind, 0, epochs=2)
    _, two = made(kind, 7)
    one.save_weights(tmp_path)
    two.load_weights(tmp_path)
    (batch,) = data.batches(data.ids("val"), batch_size=99)
    wants = ("probabilities", "samples", "embeddings", "losses")
    first, second = (g.infer(batch, wants, samples=3, seed=1) for g in (one, two))
    for want in wants:
        assert np.array_equal(first[want], second[want])
        assert len(first[want]) == 20


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_inferred_does_not_depend_on_the_batch(kind: str) -> None:
    data, graph = made(kind, epochs=2)
    ids = data.ids("train")[:40]
    wants = ["probabilities", "samples", "embeddings"]
    wants += [] if kind in ("class", "number") else ["bald.mean"]
    whole, parts = (
        [graph.infer(b, wants, samples=3, seed=1) for b in data.batches(ids, batch_size=size)]
        for size in (40, 9)
    )
    for want in wants:
        joined = np.concatenate([part[want] for part in parts])
        assert whole[0][want] == pytest.approx(joined, abs=1e-4), want


@pytest.mark.parametrize("graph", [ClassificationGraph, MultiLabelGraph, SegmentationGraph])
def test_calibration_finds_how_much_too_sure_a_model_is(graph: Any) -> None:
    rng = torch.Generator().manual_seed(0)
    shape = (500, 4, 4, 4) if graph is SegmentationGraph else (6000, 4)
    logits = torch.randn(shape, generator=rng)
    if graph is MultiLabelGraph:
        targets = torch.bernoulli(logits.sigmoid(), generator=rng).long()
    else:
        flat = logits.movedim(1, -1).reshape(-1, 4).softmax(dim=1)
        drawn = torch.multinomial(flat, 1, generator=rng)[:, 0]
        targets = drawn.reshape(shape[0], *shape[2:])
    spec = DataSpec(("a", "b", "c", "d"), shape[1:], "float32")
    made_up = graph(torch.nn.Identity(), torch.nn.Identity(), spec)
    ids = tuple(map(str, range(shape[0])))
    found = made_up.calibrate([Batch(ids, 3 * logits, targets)])
    assert found.temperature == pytest.approx(3, rel=0.05)
    assert found.before > 0.1
    assert found.after < 0.03


@pytest.mark.parametrize("kind", ["class", "labels", "mask"])
def test_a_temperature_changes_scores_and_nothing_else(kind: str) -> None:
    data, graph = made(kind, epochs=20)
    ids = data.ids("val")
    batches = list(data.batches(ids, data.truth(ids), batch_size=16))
    plain = graph.infer(batches[0], ("probabilities",), samples=1, seed=0)["probabilities"]
    metrics, answers = graph.evaluate(batches), graph.answered(batches[0].inputs)
    found = graph.scaled(graph.calibrate(batches).temperature)
    scaled = found.infer(batches[0], ("probabilities",), samples=1, seed=0)["probabilities"]
    assert not np.allclose(plain, scaled)
    again = graph.infer(batches[0], ("probabilities",), samples=1, seed=0)["probabilities"]
    assert np.array_equal(again, plain)
    graph = found
    assert graph.evaluate(batches) == metrics
    assert np.array_equal(graph.answered(batches[0].inputs)[0], answers[0])


@pytest.mark.parametrize("kind", ["boxes", "number"])
def test_what_has_no_temperature_says_so(kind: str) -> None:
    data, graph = made(kind)
    assert not graph.calibrates
    with pytest.raises(NotImplementedError):
        graph.calibrate(labelled(data))


# -- what a user gets ------------------------------------------------------------------


def test_masks_are_answered_as_classes_of_pixels() -> None:
    data, graph = made("mask", epochs=3)
    found = graph.predict(data.example())
    assert (found.shape, found.dtype) == ((2, 16, 16), np.uint8)
    assert graph.predict(data.example()[:0]).shape == (0, 16, 16)


def test_numbers_are_answered_with_their_standard_deviation() -> None:
    data, graph = made("number", epochs=3)
    found = graph.predict(data.example())
    (batch,) = data.batches(data.ids("train")[:2], batch_size=2)
    p = graph.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]
    assert found["value"].to_numpy() == pytest.approx(p[:, 0])
    assert found["std"].to_numpy() ** 2 == pytest.approx(p[:, 1])


def test_labels_are_answered_by_name_with_the_probability_of_each() -> None:
    data, graph = made("labels", epochs=30)
    found = graph.predict(data.example())
    assert list(found.columns) == ["labels", "bright", "dim"]
    for row in found.itertuples():
        names = [name for name in ("bright", "dim") if getattr(row, name) >= 0.5]
        assert row.labels == ", ".join(names)


def test_in_half_the_bits_a_peak_is_still_one_box() -> None:
    data, graph = made("boxes", epochs=8)
    (batch,) = data.batches(data.ids("train")[:20], batch_size=20)
    exact = graph.infer(batch, ("probabilities",))["probabilities"]
    with torch.autocast("cpu", torch.bfloat16):
        found = graph.infer(batch, ("probabilities",))["probabilities"]
    assert found == pytest.approx(exact, rel=0.02)


def test_boxes_are_answered_a_row_each_inside_the_image() -> None:
    data, graph = made("boxes", epochs=60)
    inputs = data._inputs[:30]
    found = graph.predict(inputs)
    assert list(found.columns) == ["sample", "label", "score", "x", "y", "width", "height"]
    assert len(found) > 10
    assert set(found["label"]) <= {"bright", "dim"}
    assert found["sample"].between(0, 29).all()
    for side, low in (("width", "x"), ("height", "y")):
        assert (found[low] >= 0).all()
        assert (found[low] + found[side] <= 16.001).all()
    none = graph.predict(inputs[:0])
    assert isinstance(none, pd.DataFrame)
    assert len(none) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_guesses_are_labels_that_json_can_say(kind: str) -> None:
    data, graph = made(kind, epochs=10)
    (batch,) = data.batches(data.ids("val"), batch_size=20)
    labels, sure = graph.guesses(batch, data.spec)
    assert len(labels) == len(sure) == 20
    for label in json.loads(json.dumps(labels)):
        data.check_label(label)
    assert (sure >= 0).all()


# -- metrics against cases worked out by hand --------------------------------------------


def boxes(*rows: list[float], width: int) -> torch.Tensor:
    filled = [*rows, *[[-1.0] + [0.0] * (width - 1)] * (3 - len(rows))]
    return torch.tensor([filled], dtype=torch.float32)


def ap(answers: list[list[float]], targets: list[list[float]], classes: int = 1) -> float:
    meter = MeanAveragePrecision(classes)
    meter.update(boxes(*answers, width=6), boxes(*targets, width=5))
    return float(meter.compute())


ONE, FAR = [0, 0, 0, 10, 10], [0, 50, 50, 10, 10]


@pytest.mark.parametrize(
    ("answers", "targets", "expected"),
    [
        ([[0, 0.9, 0, 0, 10, 10]], [ONE], 1.0),
        ([], [ONE], 0.0),
        ([[0, 0.9, 0, 0, 10, 5]], [ONE], 1.0),  # an IoU of exactly 0.5
        ([[0, 0.9, 0, 0, 10, 4.9]], [ONE], 0.0),
        ([[0, 0.9, 0, 0, 10, 10]], [ONE, FAR], 0.5),  # one of two found
        ([[0, 0.9, 0, 0, 10, 10], [0, 0.8, 0, 0, 10, 10]], [ONE], 1.0),  # twice, after all recall
        ([[0, 0.9, 30, 30, 9, 9], [0, 0.8, 0, 0, 10, 10]], [ONE], 0.5),  # wrong before right
        # right, wrong, right: recall ½ at precision 1, then 1 at ⅔: ½ · 1 + ½ · ⅔
        (
            [[0, 0.9, 0, 0, 10, 10], [0, 0.8, 30, 30, 9, 9], [0, 0.7, 50, 50, 10, 10]],
            [ONE, FAR],
            0.5 + 0.5 * 2 / 3,
        ),
    ],
)
def test_average_precision_of_cases_worked_out_by_hand(
    answers: list[list[float]], targets: list[list[float]], expected: float
) -> None:
    assert ap(answers, targets) == pytest.approx(expected)


def test_classes_count_alike_and_those_that_do_not_occur_do_not() -> None:
    answers = [[0, 0.9, 0, 0, 10, 10], [1, 0.9, 50, 50, 10, 10]]
    assert ap(answers, [ONE, [1, 50, 50, 10, 10]], 3) == pytest.approx(1.0)
    assert ap(answers, [ONE, [1, 80, 80, 10, 10]], 3) == pytest.approx(0.5)
    wrong = [[1, 0.9, 0, 0, 10, 10]]
    assert ap(wrong, [ONE], 2) == 0.0  # the right place and another class


def test_a_box_of_another_image_is_no_match() -> None:
    meter = MeanAveragePrecision(1)
    meter.update(boxes([0, 0.9, 0, 0, 10, 10], width=6), boxes(FAR, width=5))
    meter.update(boxes(width=6), boxes(ONE, width=5))
    assert float(meter.compute()) == 0.0


def test_overlap_is_the_shared_area_over_that_of_both() -> None:
    found = overlaps(np.array([[0.0, 0, 4, 4]]), np.array([[2.0, 2, 4, 4], [4, 0, 4, 4]]))
    assert found.tolist() == [[pytest.approx(4 / 28), 0]]


def test_overlap_and_dice_of_a_mask_worked_out_by_hand() -> None:
    _, graph = made("mask")
    meters = graph.meters()
    answers = torch.tensor([[[0, 0, 1, 1], [0, 2, 2, 1]]], dtype=torch.uint8)
    targets = torch.tensor([[[0, 0, 0, 1], [0, 2, 1, 1]]], dtype=torch.uint8)
    for meter in meters.values():
        meter.update(answers, targets)
    assert float(meters["mean_iou"].compute()) == pytest.approx((3 / 4 + 2 / 4 + 1 / 2) / 3)
    assert float(meters["dice"].compute()) == pytest.approx((6 / 7 + 4 / 6 + 2 / 3) / 3)


def test_the_loss_of_a_mask_is_cross_entropy_and_dice() -> None:
    _, graph = made("mask")
    logits = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[[0, 1], [2, 1]]], dtype=torch.uint8)
    p, t = logits.softmax(1)[0].numpy(), targets[0].numpy()
    entropy = np.mean([-math.log(p[t[y, x], y, x]) for y in range(2) for x in range(2)])
    dice = [(2 * p[c][t == c].sum() + 1) / (p[c].sum() + (t == c).sum() + 1) for c in (1, 2)]
    assert float(graph.loss(logits, targets)) == pytest.approx(entropy + 1 - np.mean(dice))
