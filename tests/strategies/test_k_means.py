from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.strategies import ArrayView
from tests.views import view


def choose(features: np.ndarray, size: int, seed: int = 0) -> Picks:
    over = ArrayView(features=features.astype(np.float32))
    picks: Picks = strategies.get("k_means")(over, size, np.random.default_rng(seed))
    return picks


def test_each_cluster_gives_the_sample_in_its_middle_the_largest_first() -> None:
    cross = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    pool = np.vstack([cross[1:] + 100, cross[:1] + 100, cross[:3] - 100, [[0, 300]]])
    picks = choose(pool, 3)
    assert picks.positions.tolist() == [4, 5, 8]  # the middles of 5, of 3 and of 1
    assert picks.scores == pytest.approx([5 / 9, 3 / 9, 1 / 9])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999))
def test_as_many_clusters_as_samples_are_asked_from(seed: int) -> None:
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(8), 10))
    pool = 1000.0 * np.eye(8)[group] + rng.normal(size=(80, 8))
    picks = choose(pool, 8, seed)
    assert sorted(group[picks.positions]) == list(range(8))
    for pick in picks.positions:
        members = np.flatnonzero(group == group[pick])
        apart = np.linalg.norm(pool[members] - pool[members].mean(0), axis=1)
        assert members[apart.argmin()] == pick


def test_fewer_distinct_samples_than_clusters_fill_up_by_position() -> None:
    pool = np.repeat(np.array([[0.0, 0], [9, 9]]), [5, 3], axis=0)
    picks = choose(pool, 4)
    assert picks.positions.tolist() == [0, 5, 1, 2]
    assert picks.scores == pytest.approx([5 / 8, 3 / 8, 0, 0])


def test_the_whole_pool_can_be_asked_for() -> None:
    assert sorted(choose(np.random.default_rng(0).normal(size=(30, 3)), 30).positions) == [
        *range(30)
    ]


def test_picks_lie_nearer_to_the_pool_than_random_ones() -> None:
    rng = np.random.default_rng(0)
    pool = rng.normal(size=(2000, 4))

    def cost(rows: np.ndarray) -> float:
        apart = np.linalg.norm(pool[:, None] - pool[rows][None], axis=2)
        return float(np.square(apart.min(1)).mean())

    drawn = np.mean([cost(rng.choice(2000, 30, replace=False)) for _ in range(5)])
    assert cost(choose(pool, 30).positions) < 0.8 * drawn


def test_it_draws_so_no_propensity_is_claimed() -> None:
    picks = strategies.get("k_means")(view(0, 30), 5, np.random.default_rng(0))
    assert picks.propensities is None
