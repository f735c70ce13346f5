from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.compare.estimates import Estimate, effective, estimate
from al.compare.powered import FROM, MOST, powered

RNG = np.random.default_rng


def counted(
    right: np.ndarray,
    sure: np.ndarray,
    expected: float,
    *,
    weights: np.ndarray | None = None,
    of: float = np.inf,
) -> Estimate:
    weights = np.ones(len(right)) if weights is None else weights
    each = np.full(len(right), expected), np.full(len(right), of)
    return powered(right, weights, sure, *each, RNG(0))


def width(found: Estimate) -> float:
    return found.high - found.low


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether a champion is right, and a confidence that says something of it."""
    rng = RNG(seed)
    sure = rng.uniform(0.5, 1, count)
    return (rng.random(count) < sure).astype(float), sure


def test_fewer_answers_than_it_covers_with_are_counted_as_they_are() -> None:
    right, sure = drawn(0, FROM - 1)
    assert counted(right, sure, 0.6) == estimate(right, np.ones(FROM - 1), RNG(0))
    assert counted(*drawn(0, FROM), 0.6).value != estimate(drawn(0, FROM)[0], np.ones(FROM), RNG(0))


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_a_confidence_that_says_nothing_changes_nothing(seed: int, sure: float) -> None:
    right, _ = drawn(seed, 80)
    found = counted(right, np.full(80, sure), sure)
    plain = estimate(right, np.ones(80), RNG(0))
    assert found.value == plain.value
    assert width(found) == pytest.approx(width(plain), rel=0.03)


def test_a_confidence_that_says_all_leaves_nothing_to_ask_but_is_not_believed_whole() -> None:
    right, _ = drawn(1, 100)
    found = counted(right, right, 0.81)
    assert found.value == pytest.approx(0.81)
    assert found.size == MOST * 100
    assert found.low < 0.81 < found.high


@given(st.integers(0, 10**6))
def test_the_estimate_is_a_share_within_its_interval(seed: int) -> None:
    rng = RNG(seed)
    right, sure = drawn(seed, 60)
    weights = effective(rng.uniform(0.01, 0.5, 60))
    found = counted(right, sure, rng.uniform(), weights=weights, of=100)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.size <= MOST * 60


def test_a_mean_of_few_samples_of_the_pool_makes_the_interval_longer() -> None:
    right, sure = drawn(2, 100)
    assert width(counted(right, sure, 0.75, of=20)) > width(counted(right, sure, 0.75))


def test_a_champion_that_is_always_right_is_told_as_ever() -> None:
    _, sure = drawn(3, 80)
    found = counted(np.ones(80), sure, 0.75)
    assert found == estimate(np.ones(80), np.ones(80), RNG(0))


def test_an_error_that_is_no_share_has_a_bootstrap() -> None:
    rng = RNG(4)
    sure = rng.uniform(size=100)
    error = 3 * (1 - sure) + rng.uniform(size=100)
    found = counted(error, sure, 0.5)
    plain = estimate(error, np.ones(100), RNG(0))
    assert found.low < 2.0 < found.high
    assert width(found) < 0.6 * width(plain)


@pytest.mark.parametrize("by_doubt", [False, True])
def test_its_intervals_hold_the_truth_as_often_as_they_say_and_are_shorter(by_doubt: bool) -> None:
    held, widths, plain = 0, 0.0, 0.0
    for seed in range(300):
        right, sure = drawn(seed, 2000)
        rng = RNG((seed, 1))
        weight = 0.5 + np.sqrt(sure * (1 - sure)) if by_doubt else np.ones(2000)
        chances = 100 * weight / weight.sum()
        rows = np.flatnonzero(rng.random(2000) < chances)
        weights = effective(chances[rows])
        found = counted(right[rows], sure[rows], sure.mean(), weights=weights, of=2000)
        held += found.low <= right.mean() <= found.high
        widths += width(found)
        plain += width(estimate(right[rows], np.ones(len(rows)), rng))
    assert held >= 275  # of 300 at 95 %: fewer once in 100 times
    assert widths < 0.97 * plain
