"""Measures pass by pass, and reductions, against plain numpy on whole arrays."""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al.kinds import kind_named
from al.measures import CLASSWISE, MEASURES, Field, reduced, scores
from tests.kinds import made


def fields(seed: int, n: int, t: int, k: int, c: int) -> np.ndarray:
    """Distributions of passes, [n, T, K, C]."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(c), (n, t, k)).astype(np.float32)


@pytest.mark.parametrize("name", MEASURES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), t=st.integers(1, 7), k=st.integers(1, 9), c=st.integers(2, 5))
def test_pass_by_pass_gives_what_all_passes_at_once_give(
    name: str, seed: int, t: int, k: int, c: int
) -> None:
    measure = MEASURES[name]
    t = 1 if measure.reads == "probabilities" else t
    whole = fields(seed, 3, t, k, c)
    running = measure.passes()
    for number in range(t):
        running.add(whole[:, number].reshape(-1, c))
    flat = whole.transpose(0, 2, 1, 3).reshape(-1, t, c)  # a pixel is like a sample
    expected = measure.classes(flat[:, 0] if measure.reads == "probabilities" else flat)
    assert running.result() == pytest.approx(expected, abs=2e-6)


def naive(values: np.ndarray, weights: np.ndarray, grid: tuple[int, int], over: str) -> float:
    """One image's number, the long way round."""
    if over == "patch":
        side = max(1, min(grid) // 8)
        image = values.reshape(grid)
        return max(
            float(image[y : y + side, x : x + side].mean())
            for y in range(grid[0] - side + 1)
            for x in range(grid[1] - side + 1)
        )
    if over.startswith("top"):
        share = int(over[3:] or 5) / 100
        return float(np.sort(values)[::-1][: math.ceil(share * len(values))].mean())
    if over == "foreground":
        return float((weights * values).sum() / weights.sum())
    return float(values.mean())


@pytest.mark.parametrize("over", [*kind_named("mask").over, "top30"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), high=st.integers(1, 20), wide=st.integers(1, 20))
def test_an_images_score_is_that_of_the_whole_arrays(
    over: str, seed: int, high: int, wide: int
) -> None:
    p = fields(seed, 2, 1, high * wide, 3)[:, 0]
    field = Field(torch.from_numpy(p), torch.from_numpy(1 - p[..., 0]), (high, wide))
    entropy = -(p * np.log(p)).sum(axis=2)
    found = scores([field], [("entropy", over)])[f"entropy.{over}"]
    expected = [naive(entropy[i], 1 - p[i, :, 0], (high, wide), over) for i in range(2)]
    assert found == pytest.approx(expected, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), t=st.integers(1, 4), k=st.integers(1, 20))
def test_a_measure_kept_apart_by_class_is_shared_among_them_by_their_probabilities(
    seed: int, t: int, k: int
) -> None:
    p = fields(seed, 2, t, k, 3)  # [n, T, K, C]
    passes = [Field(torch.from_numpy(p[:, at]), None, (1, k)) for at in range(t)]
    found = scores(passes, [("bald", CLASSWISE), ("bald", "mean")])
    apart, mean = found[f"bald.{CLASSWISE}"], found["bald.mean"]
    assert apart.sum(axis=1) == pytest.approx(mean, abs=1e-6)
    flat = p.transpose(0, 2, 1, 3).reshape(-1, t, 3)
    values = MEASURES["bald"].classes(flat).reshape(2, k)
    expected = (values[..., None] * p.mean(axis=1)).mean(axis=1)
    assert apart == pytest.approx(expected, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), k=st.integers(1, 12))
def test_boxes_count_where_they_are_and_an_image_without_any_scores_nothing(
    seed: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((3, k)).astype(np.float32)
    there = (rng.random((3, k)) < 0.5).astype(np.float32)
    there[0] = 0
    field = Field(torch.zeros(3, k, 2), torch.from_numpy(there))
    for row in range(3):
        own = values[row][there[row] > 0]
        assert reduced(values, field, "sum")[row] == pytest.approx(own.sum(), abs=1e-5)
        assert reduced(values, field, "max")[row] == pytest.approx(max([0, *own]))
        mean = own.mean() if len(own) else 0
        assert reduced(values, field, "mean")[row] == pytest.approx(mean, abs=1e-6)


def test_background_drowns_the_mean_and_not_the_other_reductions() -> None:
    values = np.full((2, 32 * 32), 0.05, np.float32)
    values[0].reshape(32, 32)[4:8, 4:8] = 0.6  # a nucleus that the model is unsure of
    values[1] = 0.07  # nothing, everywhere a little unsure
    p = torch.full((2, 32 * 32, 2), 0.5)
    weights = torch.zeros(2, 32 * 32)
    weights[0].view(32, 32)[4:8, 4:8] = 1
    weights[1] = 0.01
    field = Field(p, weights, (32, 32))
    first, second = reduced(values, field, "mean")
    assert first < second
    for over in ("patch", "top1", "foreground"):
        first, second = reduced(values, field, over)
        assert first > 2 * second, over


def test_auto_is_the_first_reduction_of_a_kind() -> None:
    names = ("mask", "boxes", "labels", "class")
    assert [kind_named(n).reduction("auto") for n in names] == ["patch", "sum", "mean", "one"]


def test_information_about_a_number_is_what_passes_disagree_on_beyond_their_noise() -> None:
    sure = np.array([[[1.0, 0.5], [1.0, 0.5]], [[0.0, 0.5], [2.0, 0.5]]], np.float32)
    found = kind_named("number").measured(MEASURES["bald"], sure)
    assert found == pytest.approx([0, 0.5 * math.log(1.5 / 0.5)], abs=1e-6)
    assert kind_named("number").measured(MEASURES["mean_std"], sure) == pytest.approx([0, 1])


@pytest.mark.parametrize(("kind", "over"), [("mask", "patch"), ("labels", "max"), ("boxes", "sum")])
@pytest.mark.parametrize("name", ["entropy", "bald", "mean_std", "variation_ratio"])
def test_a_graph_reduces_on_the_way_what_its_whole_passes_say(
    kind: str, over: str, name: str
) -> None:
    data, graph = made(kind, epochs=2)
    (batch,) = data.batches(data.ids("train")[:37], batch_size=37)  # three pieces, one cut short
    want = f"{name}.{over}"
    found = graph.infer(batch, (want,), samples=5, seed=3)[want]
    with torch.inference_mode():
        features = graph.trunk(graph.prepare(batch.inputs))
        outputs = graph.outputs(features)
        where = graph.where(outputs)
        drawn = [graph.field(o, where) for o in graph.drawn(features, 5, 3)]
        once = MEASURES[name].reads == "probabilities"
        all_ = [graph.field(outputs, where)] if once else drawn
    p = torch.stack([f.p for f in all_], dim=2).numpy()  # [n, K, T, C]
    flat = p.reshape(-1, *p.shape[2:])
    values = MEASURES[name].classes(flat[:, 0] if once else flat).reshape(p.shape[:2])
    assert found == pytest.approx(reduced(values, all_[0], over), abs=1e-5)


def test_of_all_passes_no_more_than_one_is_held_beside_the_next() -> None:
    data, graph = made("mask")
    alive: list[Any] = []
    most = 0
    field = graph.field

    def watched(outputs: torch.Tensor, where: Any) -> Field:
        nonlocal most
        found: Field = field(outputs, where)
        alive.append(weakref.ref(found.p))
        most = max(most, sum(ref() is not None for ref in alive))
        return found

    graph.field = watched
    (batch,) = data.batches(data.ids("train")[:40], batch_size=40)
    wants = ("bald.top", "mean_std.patch", "variation_ratio.foreground", "samples")
    graph.infer(batch, wants, samples=10, seed=0)
    assert len(alive) == 3 * 10  # three pieces of the batch, ten passes each
    assert most == 2


def test_a_committees_measures_are_those_of_its_members_passes() -> None:
    graphs = [made("mask", seed)[1] for seed in range(3)]
    data = made("mask")[0]
    (batch,) = data.batches(data.ids("train")[:20], batch_size=20)
    found = graphs[0].committee(graphs).infer(batch, ("consensus_kl.mean",), samples=1, seed=0)
    with torch.inference_mode():
        p = np.stack(
            [g.field(g.network(g.prepare(batch.inputs)), None).p.numpy() for g in graphs]
        )  # [M, n, K, C]
    mean = p.mean(0)
    expected = (p * np.log(p / mean)).sum(-1).mean(0).mean(-1)
    assert found["consensus_kl.mean"] == pytest.approx(expected, abs=1e-5)
