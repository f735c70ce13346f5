"""What graphs make of outputs, worked out by hand: their networks pass on what they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from al.contracts import Batch, DataSpec
from al.graphs import ClassificationGraph, DetectionGraph, RegressionGraph, SegmentationGraph
from al.graphs.detection import SHOWN


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


def test_the_loss_of_a_number_is_its_negative_log_likelihood_in_units_of_the_target() -> None:
    graph = passing(RegressionGraph, "", (2,), middle=5.0, unit=3.0)
    outputs = torch.tensor([[0.5, 0.4], [-1.0, -0.7]])
    targets = torch.tensor([8.0, 1.0])
    away, std = (targets.numpy() - 5) / 3, np.exp(outputs[:, 1].numpy() / 2)
    expected = -norm.logpdf(away, outputs[:, 0].numpy(), std)
    assert graph.losses(outputs, targets).numpy() == pytest.approx(expected, rel=1e-5)
    said = graph.probabilities(outputs).numpy()
    assert said[:, 0] == pytest.approx([6.5, 2.0])
    assert said[:, 1] == pytest.approx((3 * std) ** 2, rel=1e-5)


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
