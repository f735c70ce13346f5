from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.errors import ConfigError
from al.strategies import ArrayView, build, geometry, prob_cover
from al.strategies.clusters import k_means
from al.strategies.geometry import Cloud, nearest
from tests.views import view


def choose(over: ArrayView, size: int, seed: int = 0, **more: float) -> Picks:
    rng = np.random.default_rng(seed)
    picks: Picks = strategies.get("prob_cover")(over, size, rng, **more)
    return picks


@pytest.mark.parametrize("labelled", [0, 1, 7])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), radius=st.floats(0.3, 6))
def test_picks_are_those_of_the_naive_algorithm(labelled: int, seed: int, radius: float) -> None:
    over = view(seed, 40, labelled)
    points = over.arrays["embeddings"].astype(np.float64)
    seen = over.labelled_arrays["embeddings"].astype(np.float64)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    beyond = np.linalg.norm(points[:, None] - seen[None], axis=2)
    if min(np.abs(apart - radius).min(), np.abs(beyond - radius).min(initial=1)) < 1e-3:
        return  # on the edge of a ball, rounding decides
    inside = apart < radius
    uncovered = ~(beyond < radius).any(1)
    picked: list[int] = []
    scores: list[float] = []
    while len(picked) < 25:
        gains = (inside & uncovered).sum(1)
        if gains.max() == 0:
            left = np.where(np.isin(np.arange(40), picked), -1, inside.sum(1))
            picked.append(int(left.argmax()))
            scores.append(0.0)
            continue
        picked.append(int(gains.argmax()))
        scores.append(gains.max() / 40)
        uncovered &= ~inside[picked[-1]]
    picks = choose(over, 25, radius=radius)
    assert picks.positions.tolist() == picked
    assert picks.scores == pytest.approx(scores)
    assert picks.propensities == pytest.approx([1.0] * 25)


def test_on_a_line_by_hand() -> None:
    line = np.array([0, 1, 2, 3, 10, 11, 20], np.float32)[:, None]
    picks = choose(ArrayView(features=line), 5, radius=1.5)
    # 1 covers 0, 1, 2; then 10 and 11 beat 3 alone; 2 and 3 both cover 3: the lower; then 20.
    assert picks.positions.tolist()[:4] == [1, 4, 2, 6]
    assert picks.scores == pytest.approx([3 / 7, 2 / 7, 1 / 7, 1 / 7, 0])


def test_exactly_the_radius_away_is_outside() -> None:
    grid = np.arange(5, dtype=np.float32)[:, None] + 1000
    assert choose(ArrayView(features=grid), 5, radius=1.0).scores == pytest.approx([1 / 5] * 5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), clusters=st.integers(2, 5))
def test_the_radius_is_the_largest_that_keeps_the_balls_pure(seed: int, clusters: int) -> None:
    points = np.random.default_rng(seed).normal(size=(80, 3)).astype(np.float32)
    tensor = torch.from_numpy(points)
    delta = prob_cover._purest(tensor, Cloud(tensor), clusters, np.random.default_rng(seed))
    centres = k_means(tensor, clusters, np.random.default_rng(seed))
    labels = nearest(tensor, centres)[1][:, 0].numpy()
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)

    def purity(radius: float) -> float:
        return float(np.mean([len(set(labels[row < radius])) <= 1 for row in apart]))

    assert purity(delta * (1 - 1e-4)) >= 0.95
    assert purity(delta * (1 + 1e-4)) < 0.95


def test_one_ball_a_cluster_covers_clusters_far_apart() -> None:
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(4), [40, 30, 20, 10]))
    points = (100 * np.eye(4)[group] + rng.normal(size=(100, 4))).astype(np.float32)
    over = ArrayView(features=points, classes="abcd")
    for seed in range(3):
        picks = choose(over, 4, seed)
        assert group[picks.positions].tolist() == [0, 1, 2, 3]
        assert picks.scores == pytest.approx([0.4, 0.3, 0.2, 0.1], abs=0.05)  # up to 5 % are impure
        assert picks.propensities is None
        assert picks.why.startswith("δ = ")


def test_what_labels_cover_is_not_asked_for() -> None:
    points = np.repeat(np.array([[0.0], [50], [90]], np.float32), [9, 5, 2], axis=0)
    over = ArrayView(features=points, labelled=ArrayView(features=points[:1]))
    assert choose(over, 2, radius=1.0).positions.tolist() == [9, 14]


def test_a_large_pool_is_represented_by_some_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prob_cover, "EXACT", 60)
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 500)
    points = (100 * np.eye(4)[group] + rng.normal(size=(500, 4))).astype(np.float32)
    picks = choose(ArrayView(features=points), 4, radius=20.0)
    assert sorted(group[picks.positions]) == [0, 1, 2, 3]
    assert picks.propensities is None
    assert sorted(choose(ArrayView(features=points), 500, radius=20.0).positions) == [*range(500)]


def test_one_sample_far_out_does_not_make_the_balls_smaller() -> None:
    points = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    without = choose(ArrayView(features=points), 20, radius=0.8).positions.tolist()
    far = np.vstack([points, np.full((1, 3), 1000, np.float32)])
    assert choose(ArrayView(features=far), 20, radius=0.8).positions.tolist() == without


def test_a_negative_radius_is_refused() -> None:
    with pytest.raises(ConfigError, match="radius=-1"):
        build("prob_cover(radius=-1)")


@pytest.mark.parametrize("radius", [0.0, 0.8])
def test_blocks_change_nothing(radius: float, monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(101, 3)).astype(np.float32)
    over = ArrayView(features=points)
    tensor = torch.from_numpy(points)
    whole = choose(over, 40, radius=radius)
    bits, sizes = prob_cover._balls(Cloud(tensor), 1.3)
    monkeypatch.setattr(geometry, "_BLOCK", 101 * 16)
    parts = choose(over, 40, radius=radius)
    assert parts.positions.tolist() == whole.positions.tolist()
    assert parts.why == whole.why
    more_bits, more_sizes = prob_cover._balls(Cloud(tensor), 1.3)
    assert np.array_equal(more_bits, bits)
    assert np.array_equal(more_sizes, sizes)
    inside = np.square(points[:, None] - points[None]).sum(2) < 1.3
    assert np.array_equal(np.unpackbits(bits, axis=1, count=101), inside)
    assert np.array_equal(sizes, inside.sum(0))
