"""k-center: what it saves, beside what it picks (`tests/test_strategies.py`)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.errors import StrategyError
from al.strategies import ArrayView, build, farthest
from al.strategies.farthest import Farthest


def test_distances_are_measured_anew_only_where_products_leave_something_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[int] = []
    original = Farthest._pairs
    monkeypatch.setattr(
        Farthest,
        "_pairs",
        lambda search, rows, centres: measured.extend(rows) or original(search, rows, centres),
    )
    points = np.random.default_rng(0).normal(size=(3000, 16)).astype(np.float32)
    seen = ArrayView(features=points[:200])
    picks = build("k_center")(
        ArrayView(features=points[200:], labelled=seen), 50, np.random.default_rng(0)
    )
    assert len(picks.positions) == 50
    assert len(measured) <= 100  # two a pick, of 2,800 · 225 pairs


def test_equal_samples_in_float32_are_told_apart_where_they_differ() -> None:
    far = np.array([[0.0], [1.0], [1.0 + 2.0**-23]], np.float32) + 0  # the last bit of a float
    seen = ArrayView(features=far[:1])
    picks = build("k_center")(
        ArrayView(features=far[1:], labelled=seen), 2, np.random.default_rng(0)
    )
    assert picks.positions.tolist() == [1, 0]
    assert picks.scores == pytest.approx([1 + 2.0**-23, 2.0**-23], rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), levels=st.integers(2, 4), sizes=st.sampled_from([(1, 1), (8, 4)]))
def test_a_crowd_of_ties_is_settled_by_the_lower_id_whatever_is_looked_at_together(
    seed: int, levels: int, sizes: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    grid = rng.integers(0, levels, (300, 3)).astype(np.float32) + rng.choice([0, 1e4])
    seen, pool = grid[:5], grid[5:]
    expected: list[int] = []
    for _ in range(60):
        centres = np.concatenate([seen, pool[expected]])
        apart = np.square(pool[:, None].astype(float) - centres[None]).sum(2).min(1)
        apart[expected] = -1.0
        expected.append(int(apart.argmax()))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(("_WORKING", "_ROWS"), sizes, strict=True):
            patch.setattr(farthest, name, value)
        patch.setattr(farthest, "_FIRST", 2)
        patch.setattr(farthest, "_COPIED", 64)
        over = ArrayView(features=pool, labelled=ArrayView(features=seen))
        picks = build("k_center")(over, 60, np.random.default_rng(0))
    assert picks.positions.tolist() == expected
    centres = np.concatenate([seen, pool[expected]])
    for place in (0, 1, 20, 59):
        apart = np.linalg.norm(pool[expected[place]].astype(float) - centres[: 5 + place], axis=1)
        assert picks.scores[place] == apart.min()


def test_a_pool_far_larger_than_what_is_looked_at_together_is_searched_exactly() -> None:
    rng = np.random.default_rng(1)
    spread = (np.arange(1, 9) ** -0.6).astype(np.float32)
    points = rng.standard_normal((40_000, 8), dtype=np.float32) * spread
    points[rng.choice(40_000, 2_000)] = points[rng.choice(40_000, 2_000)]
    over = ArrayView(features=points[400:], labelled=ArrayView(features=points[:400]))
    picks = build("k_center")(over, 300, np.random.default_rng(0))
    pool, centres = points[400:].astype(np.float64), points[:400].astype(np.float64)
    nearest = np.concatenate(
        [
            np.square(part[:, None] - centres[None]).sum(2).min(1)
            for part in np.array_split(pool, 40)
        ]
    )
    for position in picks.positions:
        assert position == nearest.argmax()
        nearest = np.minimum(nearest, np.square(pool - pool[position]).sum(1))


@pytest.mark.parametrize("name", ["facility_location", "gsx", "k_center", "k_means"])
def test_points_whose_squares_no_number_holds_are_refused_in_a_line(name: str) -> None:
    far = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32) * np.float32(1e20)
    with pytest.raises(StrategyError, match="too large"):
        build(name)(ArrayView(features=far), 5, np.random.default_rng(0))


def test_one_column_of_nanoseconds_is_not_too_large() -> None:
    features = np.random.default_rng(0).normal(size=(50, 40))
    features[:, 7] = 1.7e18 + 1e15 * np.arange(50)
    picks = build("k_center")(ArrayView(features=features), 3, np.random.default_rng(0))
    assert sorted(picks.positions[1:].tolist()) == [0, 49]


def test_a_pool_that_is_smaller_than_the_query_is_asked_about_whole() -> None:
    few = np.random.default_rng(0).normal(size=(9, 3))
    picks = build("k_center")(ArrayView(features=few), 20, np.random.default_rng(0))
    assert sorted(picks.positions.tolist()) == list(range(9))
