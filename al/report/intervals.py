"""How sure a figure of a split is."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from al.report.facts import Facts

#: Two-sided 95 % quantile of the normal distribution.
Z = 1.959964
#: Resamples of a bootstrap.
RESAMPLES = 500


def of_curve(facts: Facts) -> np.ndarray:
    """95 % intervals of the points of the learning curve, [P, 2]; NaN if there is none.

    Where each sample is right or wrong, a point and the size of the split say it all: Wilson's
    interval (1927). An RMSE of normal errors has n · RMSE² / σ² distributed as χ² with n degrees
    of freedom. Any other metric takes the samples themselves, which are at hand for the champion
    alone: the last point has the interval of `Judged`.
    """
    values, size = facts.curve.values, facts.test
    found = np.full((len(values), 2), np.nan)
    if size < 2:
        return found
    known = facts.kind.metrics.get(facts.metric)
    if known is not None and known.proportion:
        found[:] = [wilson(min(max(value, 0.0), 1.0), size) for value in values]
    elif facts.metric == "rmse":
        from scipy.stats import chi2

        high, low = chi2.ppf((0.025, 0.975), size)
        found[:] = values[:, None] * np.sqrt(size / np.array([low, high]))
    elif facts.judged is not None and facts.judged.interval is not None and len(values):
        found[-1] = facts.judged.interval
    found[~np.isfinite(values)] = np.nan
    return found


def wilson(share: float, size: float) -> tuple[float, float]:
    """(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n), Wilson (1927)."""
    middle = share + Z**2 / (2 * size)
    reach = Z * math.sqrt(share * (1 - share) / size + Z**2 / (4 * size**2))
    low, high = ((middle + side * reach) / (1 + Z**2 / size) for side in (-1, 1))
    return (0.0 if share == 0 else max(low, 0.0)), (1.0 if share == 1 else min(high, 1.0))


def of_scores(counts: np.ndarray, twice: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % intervals of each class's F1 or IoU: low and high, [C] each.

    A bootstrap over samples says nothing of a score of 0 or 1, which all its resamples have too.
    There it is Wilson's interval for J = TP / (TP + FP + FN) among the samples in which a class
    is or is found, as IoU = J and F1 = 2 J / (1 + J) rise with it.

    Args:
        counts: right, wrong and missed of each sample and class, [N, C, 3].
        twice: how often TP counts: 2 for F1, 1 for IoU.
    """

    def score(sums: np.ndarray) -> np.ndarray:
        return scored(sums, twice)

    low, high = resampled(counts, score)
    for place in np.flatnonzero((low == high) & ((low == 0) | (low == 1))):
        there = int(counts[:, place].any(axis=1).sum())
        low[place], high[place] = (
            twice * share / (twice * share + 1 - share) for share in wilson(low[place], there)
        )
    return low, high


def scored(sums: np.ndarray, twice: int) -> np.ndarray:
    """twice TP / (twice TP + FP + FN) of sums [..., 3]; NaN where there is nothing."""
    tp, fp, fn = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(twice * tp / (twice * tp + fp + fn))


def resampled(
    counts: np.ndarray, measure: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """95 % intervals of what is made of sums over samples: low and high, [C] each.

    A percentile bootstrap over samples (Efron 1979), with the same draws for all; NaN where a
    class is in none of them.

    Args:
        counts: of each sample, [N, C, 3].
        measure: values [R, C] of their sums [R, C, 3].
    """
    size = len(counts)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(size, np.full(size, 1 / size), size=RESAMPLES).astype(float)
    sums = weights @ counts.reshape(size, -1)
    values = measure(sums.reshape(RESAMPLES, *counts.shape[1:]))
    ends = np.full((2, values.shape[1]), np.nan)
    known = np.isfinite(values).any(axis=0)
    ends[:, known] = np.nanquantile(values[:, known], (0.025, 0.975), axis=0)
    return ends[0], ends[1]
