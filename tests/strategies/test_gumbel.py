"""Drawing by weights: the distribution, and what propensities are good for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from al.errors import ConfigError
from al.strategies import ArrayView, build
from al.strategies.gumbel import draw


def two_columns(scores: np.ndarray) -> ArrayView:
    """Probabilities whose least confidence is the score, for scores up to one half."""
    return ArrayView(probabilities=np.stack([1 - scores, scores], 1).astype(np.float32))


SCORES = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("power(least_confidence)", SCORES),
        ("power(least_confidence, beta=2)", SCORES**2),
        ("softmax(least_confidence, beta=5)", np.exp(5 * SCORES)),
        ("softrank(least_confidence)", 1 / np.arange(6, 0, -1)),
        ("softrank(least_confidence, beta=0)", np.ones(6)),
    ],
)
def test_the_first_pick_is_drawn_in_proportion_to_its_weight(
    text: str, weights: np.ndarray
) -> None:
    over, strategy = two_columns(SCORES), build(text)
    rng = np.random.default_rng(0)
    counts = np.zeros(6)
    for _ in range(4000):
        counts[strategy(over, 2, rng).positions[0]] += 1
    assert chisquare(counts, 4000 * weights / weights.sum()).pvalue > 1e-3


def test_the_second_pick_is_drawn_in_proportion_to_the_weights_that_are_left() -> None:
    weights = np.array([1.0, 2.0, 3.0])
    rng = np.random.default_rng(0)
    counts = np.zeros((3, 3))
    for _ in range(6000):
        first, second = draw(np.log(weights), 2, rng).positions
        counts[first, second] += 1
    expected = np.zeros((3, 3))
    for i in range(3):
        for j in set(range(3)) - {i}:
            expected[i, j] = weights[i] / 6 * weights[j] / (6 - weights[i])
    seen = ~np.eye(3, dtype=bool)
    assert chisquare(counts[seen], 6000 * expected[seen]).pvalue > 1e-3


def test_sums_weighted_by_one_over_the_propensity_are_unbiased() -> None:
    rng = np.random.default_rng(1)
    values, log_weights = rng.normal(size=40) + 3, rng.normal(size=40) * 2
    sums = []
    for _ in range(4000):
        picks = draw(log_weights, 12, rng)
        sums.append((values[picks.positions] / picks.propensities).sum())
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - values.sum()) < 4 * error


def test_samples_of_no_weight_come_last() -> None:
    log_weights = np.log(np.array([0.5, 1.0, 2.0, 0.25]))
    log_weights[[0, 3]] = -np.inf
    picks = draw(log_weights, 4, np.random.default_rng(0))
    assert picks.positions[2:].tolist() == [0, 3]
    assert set(picks.positions[:2].tolist()) == {1, 2}
    assert picks.propensities == pytest.approx(np.ones(4))
    assert draw(log_weights, 3, np.random.default_rng(0)).positions[2:].tolist() == [0]


def test_all_scores_of_zero_leave_the_lowest_ids() -> None:
    over = ArrayView(probabilities=np.eye(2, dtype=np.float32)[[0, 1, 0, 1]])
    picks = build("power(margin)")(over, 3, np.random.default_rng(0))
    assert picks.positions.tolist() == [0, 1, 2]


def test_a_negative_beta_is_refused() -> None:
    with pytest.raises(ConfigError, match="beta=-1 is negative"):
        build("power(margin, beta=-1)")(two_columns(SCORES), 2, np.random.default_rng(0))
