from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.strategies import ArrayView, geometry
from tests.views import view


def choose(over: ArrayView, size: int, **more: float) -> Picks:
    picks: Picks = strategies.get("density_weighted")(over, size, np.random.default_rng(0), **more)
    return picks


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), beta=st.floats(0, 3))
def test_scores_are_entropy_times_the_mean_over_all_pairs(seed: int, beta: float) -> None:
    over = view(seed, 30)
    p, h = over.probabilities.astype(np.float64), over.embeddings.astype(np.float64)
    unit = h / np.linalg.norm(h, axis=1, keepdims=True)
    alike = np.array([np.mean([a @ b for b in unit]) for a in unit])
    wanted = -(p * np.log(p)).sum(1) * np.maximum(alike, 0) ** beta
    picks = choose(over, 30, beta=beta)
    assert picks.scores == pytest.approx(wanted[picks.positions], abs=1e-5)


def test_without_weight_it_is_entropy() -> None:
    over = view(0, 40)
    entropy = strategies.get("entropy")(over, 40, np.random.default_rng(0))
    assert choose(over, 40, beta=0).positions.tolist() == entropy.positions.tolist()


def test_by_hand_the_one_apart_comes_last() -> None:
    h = np.array([[0, 1], [1, 0], [2, 0], [-1, 0], [0, 0]], np.float32)
    over = ArrayView(embeddings=h, probabilities=np.full((5, 2), 0.5, np.float32))
    picks = choose(over, 5)
    # Mean of directions: (1/5, 1/5); so 1/5, 1/5, 1/5, less than nothing, nothing.
    assert picks.positions.tolist() == [0, 1, 2, 3, 4]
    assert picks.scores == pytest.approx(np.log(2) * np.array([0.2, 0.2, 0.2, 0, 0]))


def test_blocks_do_not_change_the_picks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = choose(view(0, 60), 20)
    monkeypatch.setattr(geometry, "_BLOCK", 50)
    parts = choose(view(0, 60), 20)
    assert parts.positions.tolist() == whole.positions.tolist()
    assert parts.scores == pytest.approx(whole.scores)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), small=st.integers(1, 19))
def test_a_larger_query_begins_with_the_smaller_one(seed: int, small: int) -> None:
    large = choose(view(seed, 40), 20).positions.tolist()
    assert choose(view(seed, 40), small).positions.tolist() == large[:small]
