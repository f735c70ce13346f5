"""What graphs make of outputs, worked out by hand: their networks pass on what they are given."""

from __future__ import annotations

from math import e, exp, log
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from al.contracts import Batch, DataSpec
from al.graphs import ClassificationGraph, DetectionGraph, RegressionGraph, SegmentationGraph
from al.graphs.comparing import Compared, on_rows
from al.graphs.detection import SHOWN
from al.graphs.heads import graph_on
from al.graphs.loss_head import ranking_loss
from al.graphs.meters import MeanAveragePrecision
from al.graphs.small_cnn import small_cnn
from al.graphs.small_detector import small_detector
from al.graphs.tabular import mlp
from al.graphs.unet import UNet


def passing(graph: Any, classes: str, shape: tuple[int, ...], **more: Any) -> Any:
    spec = DataSpec(tuple(classes), shape, "float32")
    return graph(nn.Identity(), nn.Identity(), spec, **more)


def test_accuracy_is_the_share_that_is_right_and_not_a_mean_over_classes() -> None:
    graph = passing(ClassificationGraph, "abc", (3,))
    targets = torch.tensor([0] * 8 + [1, 2])
    logits = nn.functional.one_hot(torch.tensor([0] * 8 + [2, 0]), 3).float()
    batch = Batch(tuple(map(str, range(10))), logits, targets)
    assert graph.evaluate([batch])["accuracy"] == pytest.approx(0.8)
    # above the class and below it are wrong alike
    assert graph.each([batch], "accuracy").tolist() == [1.0] * 8 + [0.0, 0.0]


def test_a_step_of_training_weighs_samples_by_their_class_in_the_precision_of_the_loss() -> None:
    graph = passing(ClassificationGraph, "abc", (3,))
    logits, targets = torch.eye(3) * 2, torch.tensor([0, 2, 2])
    plain = graph.training_loss(logits, targets)
    assert plain == graph.loss(logits, targets)
    weights = np.array([0.5, 1.0, 4.0])
    graph.weigh(weights)
    found, each = graph.training_loss(logits, targets), graph.losses(logits, targets).numpy()
    assert found.item() == pytest.approx(np.mean(weights[targets.numpy()] * each))
    assert found.dtype == plain.dtype == torch.float32


def test_the_loss_of_a_number_is_its_negative_log_likelihood_in_units_of_the_target() -> None:
    graph = passing(RegressionGraph, "", (2,), middle=5.0, unit=3.0)
    outputs = torch.tensor([[0.5, 0.4], [-1.0, -0.7]])
    targets = torch.tensor([8.0, 1.0])
    away, std = (targets.numpy() - 5) / 3, np.exp(outputs[:, 1].numpy() / 2)
    expected = -norm.logpdf(away, outputs[:, 0].numpy(), std)
    assert graph.losses(outputs, targets).numpy() == pytest.approx(expected, rel=1e-5)
    predicted = graph.probabilities(outputs).numpy()
    assert predicted[:, 0] == pytest.approx([6.5, 2.0])
    assert predicted[:, 1] == pytest.approx((3 * std) ** 2, rel=1e-5)


def test_a_field_of_pixels_says_how_high_and_wide_it_is() -> None:
    graph = passing(SegmentationGraph, "abc", (4, 5, 3))
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    field = graph.field(logits, None)
    p = logits.softmax(1)
    assert field.grid == (4, 5)
    assert torch.allclose(field.p.reshape(2, 4, 5, 3), p.permute(0, 2, 3, 1))
    assert torch.allclose(field.weights.reshape(2, 4, 5), 1 - p[:, 0])


def centres(*scores: tuple[int, int, int, float]) -> torch.Tensor:
    """Outputs on a grid of 6 × 7 for two classes, with scores at (class, row, column)."""
    outputs = torch.full((1, 6, 6, 7), -9.0)
    outputs[:, 2:] = 0.0
    for number, row, column, score in scores:
        outputs[0, number, row, column] = torch.logit(torch.tensor(score))
    return outputs


def test_boxes_are_expected_where_a_score_is_highest_among_its_neighbours() -> None:
    graph = passing(DetectionGraph, "ab", (24, 28, 3), stride=4)
    outputs = centres(
        (0, 1, 1, 0.8), (0, 1, 2, 0.7), (0, 4, 5, 0.5), (1, 1, 1, 0.2), (1, 5, 6, 0.05)
    )
    # 0.7 is beside 0.8; 0.05 is too low to be a box
    assert graph.probabilities(outputs)[0].tolist() == pytest.approx([1.3, 0.2], abs=1e-4)


def test_boxes_of_every_class_are_answered_from_a_score_on() -> None:
    graph = passing(DetectionGraph, "ab", (24, 28, 3), stride=4, size=8.0)
    outputs = centres((0, 1, 1, 0.8), (1, 4, 3, 0.6), (1, 1, 5, SHOWN - 0.05))
    found = graph.predict(outputs.numpy())
    assert found["label"].tolist() == ["a", "b"]
    assert found["score"].tolist() == pytest.approx([0.8, 0.6], abs=1e-4)
    # sides of 8 around the corner of the cell, cut at none of the edges
    assert found[["x", "y", "width", "height"]].to_numpy().tolist() == [[0, 0, 8, 8], [8, 12, 8, 8]]


def test_a_box_that_lies_outside_the_image_is_not_answered_and_the_others_are() -> None:
    graph = passing(DetectionGraph, "ab", (24, 28, 3), stride=4, size=8.0)
    outputs = centres((0, 1, 1, 0.8), (1, 4, 3, 0.6))
    outputs[0, 2, 4, 3] = -9.0  # nine cells to the left of where it was found
    assert graph.predict(outputs.numpy())["label"].tolist() == ["a"]


def test_sides_that_the_network_makes_up_have_bounds() -> None:
    graph = passing(DetectionGraph, "ab", (24, 28, 3), stride=4, size=8.0)
    outputs = centres((0, 1, 1, 0.8))
    outputs[0, 4:, 1, 1] = torch.tensor([50.0, -50.0])
    assert graph.answers(outputs)[0, 0, 4:].tolist() == pytest.approx([8 * e**4, 8 * e**-4])


def test_the_loss_of_boxes_is_that_of_objects_as_points() -> None:
    graph = passing(DetectionGraph, "ab", (20, 24, 3), stride=4, size=8.0)
    outputs = torch.randn(2, 6, 5, 6, generator=torch.Generator().manual_seed(0))
    nothing = [-1.0, 0, 0, 0, 0]
    targets = [
        [[0, 2, 1, 6, 5], [1, 13, 9, 10, 8], [0, 3, 4, 2, 3]],  # class, x, y, width, height
        [[1, 8, 12, 9, 4], nothing, nothing],
    ]
    found = graph.losses(outputs, torch.tensor(targets))
    for image, boxes in enumerate(targets):
        predicted, there = outputs[image].double().numpy(), [box for box in boxes if box[0] >= 0]
        wanted, apart = np.zeros((2, 5, 6)), 0.0
        for number, x, y, wide, high in there:
            across, down = (x + wide / 2) / 4, (y + high / 2) / 4  # in cells
            column, row = int(across), int(down)
            spread = max((wide + high) / 2 / 4 / 6, 0.3)
            for i, j in np.ndindex(5, 6):
                near = exp(-((i - row) ** 2 + (j - column) ** 2) / (2 * spread**2))
                wanted[int(number), i, j] = max(wanted[int(number), i, j], near)
            value = [across - column, down - row, log(wide / 8), log(high / 8)]
            apart += np.abs(predicted[2:, row, column] - value).sum()
        p = 1 / (1 + np.exp(-predicted[:2]))
        hit, miss = (1 - p) ** 2 * np.log(p), (1 - wanted) ** 4 * p**2 * np.log(1 - p)
        focal = -np.where(wanted == 1, hit, miss).sum()
        assert float(found[image]) == pytest.approx((focal + apart) / len(there), rel=1e-4)


def test_an_image_without_boxes_has_a_loss_too() -> None:
    graph = passing(DetectionGraph, "ab", (20, 24, 3), stride=4, size=8.0)
    outputs = torch.zeros(1, 6, 5, 6)
    loss = graph.losses(outputs, torch.tensor([[[-1.0, 0, 0, 0, 0]]]))
    assert loss.tolist() == pytest.approx([60 * 0.25 * log(2)])  # no centre in any of 2 · 5 · 6


def test_a_metric_of_some_samples_takes_lists_of_boxes_of_any_length() -> None:
    box, other, none = [0.0, 0, 0, 4, 4], [0.0, 9, 9, 4, 4], [-1.0, 0, 0, 0, 0]
    right, wrong = [[0, 0.9, 0, 0, 4, 4]], [[0, 0.9, 50, 50, 4, 4]]
    parts = [
        Compared(np.array([right, wrong]), np.array([[box], [box]]), 0.0),
        Compared(np.array([right]), np.array([[box, other]]), 0.0),
        Compared(np.array([right]), np.array([[none]]), 0.0),
    ]
    measure = on_rows(parts, lambda: MeanAveragePrecision(1))
    found = [measure(np.array(rows)) for rows in ([0], [1], [2], [0, 0], [0, 1], [0, 3])]
    # in turn: found, not found, one of two; both, one of two, and nothing more to find
    assert found == pytest.approx([1, 0, 0.5, 1, 0.5, 1])


def test_pairs_in_the_wrong_order_cost_what_is_missing_to_the_margin() -> None:
    guessed = torch.tensor([3.0, 0.0, 1.0, 2.5])
    found = torch.tensor([9.0, 1.0, 4.0, 2.0])
    # of (0, 2) the first is higher by 2, as it should be; of (1, 3) the second, by 2.5
    assert float(ranking_loss(guessed, found)) == 0.0
    # the same guesses of the reverse order: 1 + 2 and 1 + 2.5
    assert float(ranking_loss(guessed, -found)) == pytest.approx(3.25)


def test_one_sample_alone_has_no_order_to_learn() -> None:
    guessed = torch.tensor([3.0], requires_grad=True)
    loss = ranking_loss(guessed, torch.tensor([1.0]))
    loss.backward()
    assert (loss.item(), guessed.grad) == (0.0, torch.zeros(1))


@pytest.mark.parametrize(("network", "shape"), [(UNet(), ()), (UNet(3, 8, 2), (3,))])
def test_a_u_net_makes_features_for_each_pixel(network: UNet, shape: tuple[int, ...]) -> None:
    images = torch.zeros(1, 16, 24, *shape)
    assert network(images).shape == (1, 8, 16, 24)
    images[0, 5, 20] = 1.0
    apart = network(images).std(dim=(2, 3))
    assert apart.max() > 0  # which pixel it is can be told


@pytest.mark.parametrize("shape", [(16, 24), (32, 8)])
def test_the_detector_for_photographs_looks_at_cells_of_four_pixels(shape: tuple[int, int]) -> None:
    graph = small_detector(DataSpec(("a", "b"), (*shape, 3), "uint8"), usual=9.0)
    images = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    outputs = graph.network(graph.prepare(torch.from_numpy(images)))
    assert outputs.shape == (2, 2 + 4, shape[0] // 4, shape[1] // 4)
    assert graph.size == 9.0
    assert graph.probabilities(outputs).shape == (2, 2)


@pytest.mark.parametrize("kind", ["class", "labels", "number"])
def test_heads_of_a_kind_take_rows_and_scale_them(kind: str) -> None:
    spec = DataSpec(
        () if kind == "number" else ("a", "b", "c"), (5,), "float32", kind,
        {"middle": 1.0, "unit": 2.0},
    )  # fmt: skip
    rows = torch.arange(10.0).reshape(2, 5)
    assert mlp(spec).network(rows).shape == (2, 2 if kind == "number" else 3)
    graph = graph_on(nn.Flatten(), 5, spec, dropout=0.3, scale=4.0)
    assert torch.equal(graph.prepare(rows), rows / 4)


@pytest.mark.parametrize("side", [8, 13])
def test_the_network_for_images_takes_any_size_and_sees_pixels_from_0_to_1(side: int) -> None:
    graph = small_cnn(DataSpec(("a", "b", "c"), (side, side, 3), "uint8"))
    images = np.full((2, side, side, 3), 255, np.uint8)
    assert (graph.prepare(torch.from_numpy(images)) == 1).all()
    assert graph.predict(images).shape == (2, 3)
    assert graph.predict(images)[0] == pytest.approx(graph.predict(images)[1])
