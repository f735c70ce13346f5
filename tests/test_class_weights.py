"""Weights that even out classes, by hand, for every kind that has classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from al.contracts import DataSpec
from al.graphs import ClassificationGraph, MultiLabelGraph, SegmentationGraph, fit_head, head_on
from al.kinds import kind_of
from al.masks import VOID, encode_mask

ABC = ("a", "b", "c")


def spec(kind: str, **details: Any) -> DataSpec:
    return DataSpec(ABC, (1, 2, 3) if kind in ("mask", "scene") else (3,), "float32", kind, details)


def made(graph: Any, of: DataSpec) -> Any:
    return graph(nn.Identity(), nn.Identity(), of)


def test_a_class_counts_by_how_rare_it_is_and_all_together_as_much_as_before() -> None:
    weights = kind_of(spec("class")).balanced(["a"] * 6 + ["b"] * 2)
    assert weights.tolist() == [pytest.approx(8 / 12), 8 / 4, 1.0]
    assert 6 * weights[0] == pytest.approx(2 * weights[1])


def test_of_several_labels_those_with_and_without_each_count_alike() -> None:
    weights = kind_of(spec("labels")).balanced([["a"], ["a"], ["a"], ["b"]])
    assert weights[0].tolist() == [2.0, pytest.approx(4 / 6)]
    assert weights[1].tolist() == [pytest.approx(4 / 6), 2.0]
    assert weights[2].tolist() == [1.0, 1.0]  # nobody has it


def test_of_masks_the_known_pixels_count() -> None:
    mask = encode_mask(np.array([[0, 0, 0], [1, VOID, VOID]], np.uint8))
    assert kind_of(spec("mask", void=True)).balanced([mask]).tolist() == [
        pytest.approx(4 / 6), 2.0, 1.0,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["boxes", "number"])
def test_kinds_without_classes_to_even_out_say_so(kind: str) -> None:
    with pytest.raises(NotImplementedError):
        kind_of(spec(kind)).balanced([])


def test_the_loss_of_several_labels_is_weighed_label_by_label() -> None:
    graph = made(MultiLabelGraph, spec("labels"))
    outputs = torch.zeros(1, 3)  # each costs ln 2
    targets = torch.tensor([[1, 0, 0]])
    graph.weigh(np.array([[5.0, 2.0], [3.0, 7.0], [1.0, 1.0]]))
    expected = np.log(2) * (2 + 3 + 1) / 3
    assert float(graph.training_loss(outputs, targets)) == pytest.approx(expected)
    assert float(graph.loss(outputs, targets)) == pytest.approx(np.log(2))  # figures stay


def test_the_entropy_of_a_mask_is_weighed_pixel_by_pixel_and_dice_is_not() -> None:
    graph = made(SegmentationGraph, spec("mask", void=True))
    outputs = torch.zeros(1, 3, 1, 4)
    targets = torch.tensor([[[0, 1, 2, VOID]]])
    plain = float(graph.losses(outputs, targets))
    graph.weigh(np.array([1.0, 4.0, 7.0]))
    more = np.log(3) * ((1 + 4 + 7) / 3 - 1)
    assert float(graph.training_loss(outputs, targets)) == pytest.approx(plain + more, rel=1e-5)
    assert float(graph.losses(outputs, targets)) == pytest.approx(plain)


class Own(MultiLabelGraph):
    """Has a loss of each sample of its own, which knows nothing of weights."""

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return outputs.sum(dim=1)


class OwnMean(ClassificationGraph):
    """Has a loss of its own that is not known for each sample."""

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return outputs.mean()


@pytest.mark.parametrize(("graph", "kind"), [(Own, "labels"), (OwnMean, "class")])
def test_a_loss_of_ones_own_that_knows_no_weights_is_refused(graph: Any, kind: str) -> None:
    with pytest.raises(NotImplementedError):
        made(graph, spec(kind)).weigh(np.ones((3, 2)))


def test_the_head_of_an_encoder_says_a_rare_label_more_often_where_it_is_weighed() -> None:
    rng = np.random.default_rng(0)
    inputs = torch.from_numpy(rng.normal(size=(60, 3)).astype(np.float32))
    targets = torch.zeros(60, 3, dtype=torch.int64)
    targets[:6, 0] = 1  # of which the vectors say nothing
    shares = []
    for weights in (None, np.array([[60 / 108, 5.0], [1, 1], [1, 1]])):
        graph = head_on(spec("labels"))
        if weights is not None:
            graph.weigh(weights)
        fit_head(graph, inputs, targets, torch.ones(60))
        with torch.no_grad():
            p = graph.probabilities(graph.network(graph.prepare(inputs)))
        shares.append(float(p[:, 0].mean()))
    assert shares[0] == pytest.approx(0.1, abs=0.02)
    assert shares[1] == pytest.approx(0.5, abs=0.1)
