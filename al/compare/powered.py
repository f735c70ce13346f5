"""A mean over the pool from few answers and from what the model itself expects of every sample.

How sure the model is of a sample tells something of whether it is right. That is known of the
whole pool without a label, so only what it does not tell has to be learned from answers.
"""

from __future__ import annotations

import math

import numpy as np

from al.compare.estimates import RESAMPLES, Estimate, estimate, wilson

#: Fewer answers than these are counted as they are: intervals of 20 would be too short.
FROM = 50
#: How much more than itself an answer may be worth.
MOST = 3.0


def powered(
    values: np.ndarray,
    weights: np.ndarray,
    sure: np.ndarray,
    expected: np.ndarray,
    expected_of: np.ndarray,
    rng: np.random.Generator,
) -> Estimate:
    """The mean over the pool of values that are known of drawn samples.

    The difference estimator of survey sampling (Cassel, Särndal and Wretman 1976, "Some results
    on generalized difference estimation and generalized regression estimation for finite
    populations", Biometrika 63), which is the prediction-powered estimate (Angelopoulos et al.
    2023, Science 382; its λ after Angelopoulos, Duchi and Zrnic 2023, PPI++, arXiv 2311.01453)
    and, for chances that differ, active statistical inference (Zrnic and Candès 2024, ICML):

        θ = Σ w (y − λ (f − μ)) / Σ w,   w = 1 / chance,
        λ = Σ w² (y − ȳ)(f − f̄) / Σ w² (f − f̄)²

    with f how sure the model is and μ its mean over the pool. Its variance is that of the
    residuals, Σ w² (z − θ)² / (Σ w)² · n / (n − 2) for z = y − λ (f − μ), and λ² times that of
    μ. For values 0 and 1 the interval is Wilson's at the number of uniform samples that would
    have this variance, `MOST` times those there are at most. Else it is a percentile
    bootstrap.

    Args:
        values: of the samples drawn, [n].
        weights: 1 / chance, which sum to their effective number, [n].
        sure: how sure the model is of them, [n].
        expected: mean of that over the pool that each was drawn from, [n].
        expected_of: over how many samples of that pool, [n].
    """
    count = len(values)
    if count < FROM:
        return estimate(values, weights, rng)
    slope, adjusted = _adjusted(values, weights, sure, expected)
    value, size = _mean(adjusted, weights), float(weights.sum())
    # The pool's mean is itself one of some samples, unless all were looked at.
    unknown = slope**2 * float(np.average((sure - expected) ** 2 / expected_of, weights=weights))
    if not np.isin(values, (0, 1)).all():
        rows = rng.integers(count, size=(RESAMPLES, count))
        found = (_adjusted(values[r], weights[r], sure[r], expected[r])[1] for r in rows)
        means = np.array([_mean(z, weights[r]) for z, r in zip(found, rows, strict=True)])
        means += rng.normal(0, math.sqrt(unknown), RESAMPLES)
        low, high = (float(bound) for bound in np.quantile(means, (0.025, 0.975)))
        return Estimate(value, min(low, value), max(high, value), size)
    value = min(max(value, 0.0), 1.0)
    residual = float((weights**2 * (adjusted - value) ** 2).sum()) / size**2
    variance = residual * count / (count - 2) + unknown
    worth = value * (1 - value) / variance if variance > 0 else size
    worth = min(worth, MOST * count) or size
    low, high = wilson(value, worth)
    return Estimate(value, low, high, worth)


def _adjusted(
    values: np.ndarray, weights: np.ndarray, sure: np.ndarray, expected: np.ndarray
) -> tuple[float, np.ndarray]:
    """λ, and the values without what the model's own confidence explains, [n]."""
    squares = weights**2
    off = sure - np.average(sure, weights=squares)
    norm = float((squares * off**2).sum())
    if norm <= 0 or not math.isfinite(norm):
        return 0.0, values
    slope = float((squares * off * (values - np.average(values, weights=squares))).sum()) / norm
    return slope, np.asarray(values - slope * (sure - expected))


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float((weights * values).sum() / weights.sum())
