"""MaxHerding against the definition of generalised coverage in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.strategies import ArrayView, coverage, submodular
from tests.views import view


def choose(over: ArrayView, size: int, seed: int = 0) -> Picks:
    picks: Picks = strategies.get("max_herding")(over, size, np.random.default_rng(seed))
    return picks


def unit(points: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(points.astype(np.float64), axis=1, keepdims=True)
    return points / np.where(lengths > 0, lengths, 1)


def kernel(points: np.ndarray, others: np.ndarray, sigma: float) -> np.ndarray:
    """exp(−‖x − y‖² / σ²) in float64, [n, M]."""
    return np.exp(-np.square(points[:, None] - others[None]).sum(2) / sigma**2)


def gains(points: np.ndarray, centres: np.ndarray, weights: np.ndarray, sigma: float) -> np.ndarray:
    """What each point would add to Σ_i w_i max_j k(i, j) over the centres."""
    covered = np.zeros(len(points))
    if len(centres):
        covered = kernel(points, centres, sigma).max(1)
    added = np.maximum(kernel(points, points, sigma) - covered[:, None], 0)
    return np.asarray(weights @ added)


@pytest.mark.parametrize("labelled", [0, 1, 7])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_every_pick_has_the_greatest_gain_and_its_score_is_that_gain(
    labelled: int, seed: int
) -> None:
    over = view(seed, 40, labelled)
    points, centres = unit(over.embeddings), unit(over.labelled_arrays["embeddings"])
    picks = choose(over, 12)
    for place, (pick, score) in enumerate(zip(picks.positions, picks.scores, strict=True)):
        found = gains(points, centres, np.ones(40), 1.0)
        found[picks.positions[:place]] = -1
        assert found[pick] >= found.max() - 1e-4
        assert score == pytest.approx(found[pick] / 40, abs=2e-6)
        # Samples 0 and 1 are one sample twice.
        assert pick != 1 or 0 in picks.positions[:place]
        centres = np.vstack([centres, points[pick]])
    assert picks.propensities == pytest.approx([1.0] * 12)


def test_by_hand_in_three_corners() -> None:
    # Three samples along one axis, two along another, one along the third; lengths differ and
    # play no part. Between corners ‖x − y‖² = 2.
    points = np.eye(3, dtype=np.float32)[[2, 0, 0, 1, 1, 0]] * np.arange(1, 7)[:, None]
    apart = np.exp(-2)
    picks = choose(ArrayView(features=points.astype(np.float32)), 4)
    assert picks.positions.tolist() == [1, 3, 0, 2]
    wanted = np.array([3 + 3 * apart, 2 * (1 - apart), 1 - apart, 0]) / 6
    assert picks.scores == pytest.approx(wanted, abs=1e-6)


def test_copies_tie_to_the_lower_position_and_are_picked_last() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = rng.normal(size=(30, 6)).astype(np.float32)
        order = rng.permutation(60)
        doubled = np.vstack([points, points])[order]
        twin = np.argsort(order)[(order + 30) % 60]
        picks = choose(ArrayView(features=doubled), 60)
        first, second = picks.positions[:30], picks.positions[30:]
        assert (first < twin[first]).all()
        assert second.tolist() == sorted(second.tolist())  # nothing to gain: by position
        assert picks.scores[30:] == pytest.approx(np.zeros(30), abs=1e-6)


def test_samples_at_the_origin_are_samples_too() -> None:
    points = np.vstack([np.zeros((2, 3)), np.eye(3)]).astype(np.float32)
    picks = choose(ArrayView(features=points), 5)
    assert sorted(picks.positions) == [0, 1, 2, 3, 4]
    assert np.isfinite(picks.scores).all()


@pytest.mark.parametrize("sigma", [0.003, 0.03, 0.3, 3.0])
def test_narrow_kernels_are_as_exact_as_wide_ones(sigma: float) -> None:
    rng = np.random.default_rng(0)
    points = unit(rng.normal(size=(1, 8)) + sigma * rng.normal(size=(60, 8)))
    weights = rng.random(60)
    tensor = torch.from_numpy(points.astype(np.float32))
    picks = coverage.herd(tensor, tensor[:1], weights, sigma, 20, rng)
    exact = tensor.double().numpy()
    centres = exact[:1]
    for place, (pick, score) in enumerate(zip(picks.positions, picks.scores, strict=True)):
        found = gains(exact, centres, weights, sigma)
        found[picks.positions[:place]] = -1
        assert found[pick] >= found.max() - 1e-4
        assert score == pytest.approx(found[pick] / 60, abs=1e-5)
        centres = np.vstack([centres, exact[pick]])


def test_over_some_candidates_and_a_reference_set_it_comes_near_the_exact_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(1500, 6)) + 2 * rng.normal(size=(8, 6))[rng.integers(0, 8, 1500)]
    over = ArrayView(features=points.astype(np.float32))

    def value(positions: np.ndarray) -> float:
        return float(kernel(unit(points), unit(points)[positions], 1.0).max(1).mean())

    exact = value(choose(over, 20).positions)
    monkeypatch.setattr(submodular, "EXACT", 500)
    monkeypatch.setattr(submodular, "REFERENCE", 500)
    picks = [choose(over, 20, seed) for seed in range(3)]
    drawn = value(rng.choice(1500, 20, replace=False))
    for pick in picks:
        assert len(set(pick.positions.tolist())) == 20
        assert value(pick.positions) > 0.97 * exact
        assert value(pick.positions) > drawn
        assert pick.propensities is None
    assert picks[0].positions.tolist() != picks[1].positions.tolist()


@pytest.mark.parametrize("sigma", [0.1, 1.0])  # in float64, and in float32
def test_of_a_large_pool_only_what_is_drawn_is_copied(
    monkeypatch: pytest.MonkeyPatch, sigma: float
) -> None:
    monkeypatch.setattr(submodular, "EXACT", 500)
    monkeypatch.setattr(submodular, "REFERENCE", 400)
    before, copied = coverage.on_the_sphere, list[int]()

    def counted(points: torch.Tensor) -> torch.Tensor:
        copied.append(len(points))
        return before(points)

    monkeypatch.setattr(coverage, "on_the_sphere", counted)
    points = torch.from_numpy(np.random.default_rng(0).normal(size=(3000, 6)).astype(np.float32))
    coverage.herd(points, points[:1], np.ones(3000), sigma, 10, np.random.default_rng(0))
    assert max(copied) == 500
