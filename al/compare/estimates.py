"""A mean over the pool, from samples drawn with known chances, with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Two-sided 95 % quantile of the normal distribution.
Z = 1.959964
#: Resamples of a bootstrap.
RESAMPLES = 2000
#: Resamples where each asks the model's metric anew.
FEW_RESAMPLES = 200


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % confidence interval.

    Attributes:
        size: the number of uniformly drawn samples that would say as much.
    """

    value: float
    low: float
    high: float
    size: float


def effective(chances: np.ndarray) -> np.ndarray:
    """Weights of samples drawn with these chances, which sum to what they are worth; [n].

    w = 1 / chance, scaled to sum to Kish's effective sample size (Σ w)² / Σ w² (Kish 1965,
    Survey Sampling): n for equal chances, less where they differ. The weighted mean is that
    of Hájek (1971), Σ w value / Σ w.
    """
    weights = 1 / chances
    return np.asarray(weights * weights.sum() / (weights**2).sum())


def estimate(values: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> Estimate:
    """The weighted mean of values [n] with weights [n] that sum to their effective number.

    For values 0 and 1 the interval is Wilson's (1927) at the effective size m = Σ weights:
    (p + z²/2m ± z √(p(1−p)/m + z²/4m²)) / (1 + z²/m); it holds near 0 and 1 and for a handful
    of samples (89 % at the least), where p ± z √(p(1−p)/m) is far too short. Else it is a
    percentile bootstrap (Efron 1979).
    """
    size = float(weights.sum())
    value = float((weights * values).sum() / size)
    if np.isin(values, (0, 1)).all():
        low, high = wilson(value, size)
    else:
        rows = rng.integers(len(values), size=(RESAMPLES, len(values)))
        means = (weights[rows] * values[rows]).sum(axis=1) / weights[rows].sum(axis=1)
        low, high = (float(bound) for bound in np.quantile(means, (0.025, 0.975)))
    return Estimate(value, low, high, size)


def resampled(
    measure: Callable[[np.ndarray], float], weights: np.ndarray, rng: np.random.Generator
) -> Estimate:
    """The same for a metric that is not a mean: it is measured on resamples.

    Resamples where it has no value, like a ranking of samples of one class, are left out; NaN
    where it has none on the samples themselves.

    Args:
        measure: the metric on these rows, which may repeat.
    """
    count = len(weights)
    even = bool(np.allclose(weights, weights[0]))
    drawn = (
        measure(rng.choice(count, size=count, p=weights / weights.sum()))
        for _ in range(FEW_RESAMPLES)
    )
    values = np.array([found for found in drawn if not math.isnan(found)])
    whole = measure(np.arange(count))
    if math.isnan(whole) or not len(values):
        return Estimate(math.nan, math.nan, math.nan, float(weights.sum()))
    value = whole if even else float(values.mean())
    low, high = (float(bound) for bound in np.quantile(values, (0.025, 0.975)))
    return Estimate(value, min(low, value), max(high, value), float(weights.sum()))


def wilson(value: float, size: float) -> tuple[float, float]:
    """Wilson's interval (1927) of a share that is known from this many uniform samples."""
    middle = value + Z**2 / (2 * size)
    reach = Z * math.sqrt(max(value * (1 - value), 0.0) / size + Z**2 / (4 * size**2))
    low, high = ((middle + side * reach) / (1 + Z**2 / size) for side in (-1, 1))
    # In exact arithmetic the interval of 0 starts at 0 and that of 1 ends at 1.
    return (0.0 if value == 0 else max(low, 0.0)), (1.0 if value == 1 else min(high, 1.0))
