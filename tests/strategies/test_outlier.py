from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.errors import ConfigError
from al.strategies import ArrayView, build, outlier
from tests.views import view

METHODS = ["isolation_forest", "local_outlier_factor"]


def choose(over: ArrayView, size: int, seed: int = 0, **more: str) -> Picks:
    picks: Picks = strategies.get("outlier")(over, size, np.random.default_rng(seed), **more)
    return picks


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("limit", [10_000, 100])
def test_what_lies_far_out_comes_first(
    method: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlier, "_FACTOR", limit)
    points = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    points[[7, 90, 211]] += [[30], [-30], [60]]
    picks = choose(ArrayView(features=points), 3, method=method)
    assert set(picks.positions) == {7, 90, 211}
    assert (np.diff(picks.scores) <= 0).all()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), labelled=st.integers(0, 10))
def test_the_local_outlier_factor_is_that_of_its_definition(seed: int, labelled: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(40 + labelled, 3)).astype(np.float32)
    seen = ArrayView(features=points[40:])
    picks = choose(ArrayView(features=points[:40], labelled=seen), 40, method=METHODS[1])

    apart = np.linalg.norm(points[:, None] - points[None], axis=2).astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1)[:, :20]
    reach = np.sort(apart, axis=1)[:, 19]  # distance to the 20th neighbour
    density = np.array(
        [1 / np.mean(np.maximum(reach[near[i]], apart[i, near[i]])) for i in range(len(points))]
    )
    wanted = np.array([np.mean(density[near[i]]) / density[i] for i in range(len(points))])
    assert picks.scores == pytest.approx(wanted[picks.positions], rel=1e-4)


def test_of_two_samples_neither_is_apart() -> None:
    picks = choose(ArrayView(features=np.array([[0.0], [5.0]])), 2, method=METHODS[1])
    assert picks.scores == pytest.approx([1, 1])  # each is as dense as its only neighbour
    alone = choose(ArrayView(features=np.ones((1, 1))), 1, method=METHODS[1])
    assert alone.scores.tolist() == [0]


def test_what_is_labelled_already_is_no_longer_apart() -> None:
    rng = np.random.default_rng(0)
    crowd = rng.normal(size=(200, 3)).astype(np.float32)
    island = (rng.normal(size=(60, 3)) + 12).astype(np.float32)
    pool = np.vstack([crowd, island[:1]])
    alone = choose(ArrayView(features=pool), 1)
    among = choose(ArrayView(features=pool, labelled=ArrayView(features=island[1:])), 1)
    assert alone.positions.tolist() == [200]
    assert among.scores[0] < alone.scores[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pool", [1, 2, 30])
def test_equal_samples_score_alike_and_tie_to_the_lower_position(method: str, pool: int) -> None:
    picks = choose(ArrayView(features=np.ones((pool, 3))), pool, method=method)
    assert picks.positions.tolist() == list(range(pool))
    assert np.isfinite(picks.scores).all()


def test_seeds_make_other_forests() -> None:
    one, two = (choose(view(0, 60), 60, seed) for seed in range(2))
    assert one.scores.tolist() != two.scores.tolist()
    assert one.propensities is None


def test_an_unknown_method_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'isolation_forest'\?"):
        build("outlier(method=isolation_forrest)")
