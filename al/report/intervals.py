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


def of_value(facts: Facts, value: float, size: int) -> tuple[float, float] | None:
    """The 95 % interval of the metric, measured on so many samples.

    A share is taken for one of samples that are right or wrong, which accuracy is: Wilson's
    interval (1927). A mean of values between 0 and 1 varies no more than that, so for mean IoU
    it is too wide rather than too short; for F1, AUROC and mAP it is a rule of thumb. An RMSE of
    normal errors has n · RMSE² / σ² distributed as χ² with n degrees of freedom.

    None for other metrics.
    """
    if size < 2 or not math.isfinite(value):
        return None
    if facts.share:
        return wilson(min(max(value, 0.0), 1.0), size)
    if facts.metric == "rmse":
        from scipy.stats import chi2

        high, low = chi2.ppf((0.025, 0.975), size)
        return value * math.sqrt(size / low), value * math.sqrt(size / high)
    return None


def wilson(share: float, size: float) -> tuple[float, float]:
    """(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n), Wilson (1927)."""
    middle = share + Z**2 / (2 * size)
    reach = Z * math.sqrt(share * (1 - share) / size + Z**2 / (4 * size**2))
    low, high = ((middle + side * reach) / (1 + Z**2 / size) for side in (-1, 1))
    return (0.0 if share == 0 else max(low, 0.0)), (1.0 if share == 1 else min(high, 1.0))


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
