"""Pixels of no known class: left out of loss, metrics, scores, costs and votes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from al.annotators.label_studio.project import config, form_of
from al.contracts import Batch, DataSpec
from al.exports import export
from al.graphs import SegmentationGraph, covered_unet
from al.kinds import kind_of
from al.masks import VOID, decode_mask, encode_mask
from al.randomness import seeded
from tests.studios import HEIGHT, WIDTH, Samples
from tests.test_exports import labels_of

SPEC = DataSpec(("ground", "cell", "dirt"), (4, 4), "uint8", "mask", {"void": True})
SCENE = replace(SPEC, kind="scene", details={})


def graph_of(spec: DataSpec) -> SegmentationGraph:
    return SegmentationGraph(nn.Identity(), nn.Identity(), spec)


def outputs_and_targets(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    outputs = torch.randn(2, 3, 4, 4, generator=drawn)
    targets = torch.randint(0, 3, (2, 4, 4), generator=drawn, dtype=torch.uint8)
    targets[:, :2] = VOID
    return outputs, targets


@pytest.mark.parametrize("spec", [SPEC, SCENE], ids=["mask", "scene"])
def test_what_is_predicted_where_nobody_knows_changes_no_loss_and_no_metric(spec: Any) -> None:
    graph = graph_of(spec)
    outputs, targets = outputs_and_targets()
    other = outputs.clone()
    other[:, :, :2] = torch.randn(2, 3, 2, 4) * 5
    for measure in (graph.losses, graph.nll, graph.ece):
        found, again = (torch.as_tensor(measure(o, targets)) for o in (outputs, other))
        assert torch.allclose(found, again), measure
    for meter in graph.meters().values():
        values = []
        for some in (outputs, other):
            meter.reset()
            meter.update(graph.answers(some), targets)
            values.append(float(meter.compute()))
        assert values[0] == values[1]


def test_the_loss_of_the_known_half_is_that_of_an_image_of_that_half() -> None:
    outputs, targets = outputs_and_targets()
    whole, half = graph_of(SPEC), graph_of(replace(SPEC, input_shape=(2, 4), details={}))
    expected = half.losses(outputs[:, :, 2:], targets[:, 2:])
    assert torch.allclose(whole.losses(outputs, targets), expected)
    nothing = torch.full_like(targets, VOID)
    assert whole.losses(outputs, nothing).tolist() == [0.0, 0.0]


def test_mean_iou_is_that_of_the_known_pixels_by_hand() -> None:
    outputs, targets = outputs_and_targets(3)
    graph = graph_of(SPEC)
    meter = graph.meters()["mean_iou"]
    meter.update(graph.answers(outputs), targets)
    known = targets.numpy() != VOID
    guess, truth = graph.answers(outputs).numpy()[known], targets.numpy()[known]
    ious = [
        ((guess == c) & (truth == c)).sum() / ((guess == c) | (truth == c)).sum() for c in range(3)
    ]
    assert float(meter.compute()) == pytest.approx(np.mean(ious))


def test_the_first_class_of_a_scene_counts_in_its_loss() -> None:
    outputs, targets = outputs_and_targets()
    assert not torch.allclose(
        graph_of(SCENE).losses(outputs, targets), graph_of(SPEC).losses(outputs, targets)
    )
    field = graph_of(SCENE).field(outputs, None)
    assert field.weights is None


def test_nothing_is_unsure_beside_an_image() -> None:
    spec = DataSpec(("a", "b"), (16, 16, 4), "uint8", "scene", {"void": True})
    with seeded(0):
        graph = covered_unet(spec)
    images = torch.randint(0, 255, (2, 16, 16, 4), dtype=torch.uint8)
    images[..., 3] = 0
    images[1, 4:12, :, 3] = 255
    wants = ["entropy.top", "bald.patch"]
    found = graph.infer(Batch(("x", "y"), images, None), wants, samples=3)
    for want in wants:
        assert found[want][0] == pytest.approx(0, abs=1e-5)
        assert found[want][1] > 1e-4


def test_unknown_pixels_cost_nothing_and_have_no_name() -> None:
    kind = kind_of(SPEC)
    mask = np.zeros((4, 4), np.uint8)
    mask[:, 2:] = VOID
    mask[1, 1] = 2
    assert kind.cost(mask) == 3  # above it, to its left, and itself
    assert kind.names(encode_mask(mask)) == ["ground", "dirt"]
    assert kind.brief(encode_mask(mask)) == "12% foreground"
    assert kind.wrong(mask) == ""
    assert kind_of(replace(SPEC, details={})).wrong(mask) == (
        "its mask holds 255, which is not one of 3 classes"
    )
    assert kind_of(SCENE).brief(encode_mask(mask)) == "88% ground"
    nothing = encode_mask(np.full((4, 4), VOID))
    assert kind_of(SCENE).brief(nothing) == "nothing known"
    assert kind.brief(nothing) == "0% foreground"


def test_a_guess_is_compared_where_the_truth_is_known() -> None:
    truth = np.array([[0, 1, VOID, VOID]] * 4, np.uint8)
    found = kind_of(SPEC).compared([encode_mask(truth)], [encode_mask(np.ones((4, 4), np.uint8))])
    assert found is not None
    assert found[0].tolist() == [[0, 0, 4], [4, 4, 0], [0, 0, 0]]


def test_people_vote_on_what_is_unknown_as_on_classes() -> None:
    masks = [np.full((4, 4), value, np.uint8) for value in (1, VOID, VOID)]
    masks[0][0, 0] = VOID
    kind = kind_of(SPEC)
    found = decode_mask(kind.majority([encode_mask(m) for m in masks]), 3, void=True)
    assert (found == VOID).all()
    two = decode_mask(kind.majority([encode_mask(m) for m in masks[:2]]), 3, void=True)
    assert np.array_equal(two, masks[0])


@pytest.mark.parametrize("kind", ["mask", "scene"])
def test_in_a_scene_every_class_is_painted_and_the_rest_is_unknown(kind: str) -> None:
    details = {"void": True}
    spec = DataSpec(("sky", "road", "car"), (HEIGHT, WIDTH), "uint8", kind, details)
    text = config(spec, "image")
    assert ("sky" in text) == (kind == "scene")
    form = form_of(text, spec, "image")
    mask = np.full((HEIGHT, WIDTH), kind_of(spec).blank, np.uint8)
    mask[3:9, 4:20], mask[20:, :10] = 1, 2
    if kind == "scene":
        mask[:2] = 0
    size = (HEIGHT, WIDTH)
    assert form.label(form.results(encode_mask(mask), size), size) == encode_mask(mask)


def test_coco_has_what_is_unknown_as_regions_that_are_not_judged(tmp_path: Path) -> None:
    data = Samples("mask")
    data.spec = replace(data.spec, kind="scene", details={})
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[4:9], mask[9:] = 1, VOID
    data.freeze(data.propose_splits(10, 0))
    data.labels[data.ids("train")[0]] = encode_mask(mask)
    export(labels_of(data, 1), "coco", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [one["name"] for one in found["categories"]] == ["nothing", "cell", "dirt"]
    known = [a for a in found["annotations"] if not a["iscrowd"]]
    assert [(a["category_id"], a["area"]) for a in known] == [(1, 4 * WIDTH), (2, 5 * WIDTH)]
    crowds = [a for a in found["annotations"] if a["iscrowd"]]
    assert [a["area"] for a in crowds] == [(HEIGHT - 9) * WIDTH] * 3
