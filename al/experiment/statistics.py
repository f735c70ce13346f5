"""What curves over seeds say, and how surely; all comparisons are paired by seed.

Curves are arrays [seeds, cycles] of one metric; larger is better unless `lower`. Intervals are
95 % and of the mean over seeds by Student's t, which holds where seeds are few and a percentile
bootstrap is too narrow; bands that hold for all cycles at once are drawn by resampling seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from scipy.integrate import trapezoid

#: Chance of saying that two differ where none do, over all comparisons of a table.
ALPHA = 0.05
#: Chance of seeing a difference that is there, in "seeds more".
POWER = 0.8
#: Resamples of the seeds for simultaneous bands.
RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean, or a median, and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width."""
        return (self.high - self.low) / 2

    def text(self, digits: int = 3, *, sign: bool = False) -> str:
        """Value and half width."""
        return f"{self.value:{'+' if sign else ''}.{digits}f} ± {self.half:.{digits}f}"


@dataclass(frozen=True)
class Difference:
    """One strategy less another, over the seeds.

    Attributes:
        p: of Student's t test, two-sided, corrected by Holm over all comparisons of the table.
        verdict: better, worse, or not told apart.
        more: seeds that would be needed beyond these to tell them apart in 4 of 5 experiments,
            if the difference is what it seems; None where it is shown already, or no number
            would do.
    """

    mean: Interval
    p: float
    verdict: str
    more: int | None


def area(labels: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Mean height of each curve over the range of labels, [seeds]."""
    if len(labels) == 1:
        return np.asarray(curves[:, 0], np.float64)
    return np.asarray(trapezoid(curves, labels, axis=1) / (labels[-1] - labels[0]))


def mean_of(values: np.ndarray) -> Interval:
    """The mean over seeds."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, math.nan, math.nan)
    half = float(stats.t.ppf(1 - ALPHA / 2, len(values) - 1) * stats.sem(values))
    return Interval(mean, mean - half, mean + half)


def band(curves: np.ndarray, *, everywhere: bool = False, seed: int = 0) -> np.ndarray:
    """Low and high of the mean curve, [2, cycles].

    Args:
        everywhere: the mean curve lies in the whole band with 95 %: the largest |t| over the
            cycles is resampled; otherwise each cycle's interval is its own.
    """
    count = len(curves)
    mean, error = curves.mean(axis=0), stats.sem(curves, axis=0)
    if not everywhere:
        width = stats.t.ppf(1 - ALPHA / 2, count - 1)
    else:
        rows = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
        drawn = curves[rows]  # [resamples, seeds, cycles]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(drawn.mean(axis=1) - mean) / stats.sem(drawn, axis=1)
        # a resample of one seed alone has no spread, and no cycle without spread says anything
        t = np.where(np.isfinite(t), t, np.nan)[:, error > 0]
        worst = np.nanmax(t, axis=1, initial=0.0) if t.shape[1] else np.zeros(1)
        width = np.quantile(worst, 1 - ALPHA)
    return np.stack([mean - width * error, mean + width * error])


def differences(
    ours: Sequence[np.ndarray], theirs: np.ndarray, *, lower: bool = False
) -> list[Difference]:
    """Each of several strategies against one, with Holm's correction over all of them.

    Args:
        ours, theirs: a figure a seed, [seeds]; the same seeds in the same order.
        lower: less is better.
    """
    found = [one - theirs for one in ours]
    corrected = holm([_p(values) for values in found])
    return [_difference(v, p, lower=lower) for v, p in zip(found, corrected, strict=True)]


def _p(values: np.ndarray) -> float:
    """Student's t test of a mean of zero."""
    if len(values) < 2 or not np.any(values):
        return 1.0
    if np.ptp(values) == 0:  # the same in all seeds: a coin that always falls on one side
        return float(stats.binomtest(len(values), len(values)).pvalue)
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def _difference(values: np.ndarray, p: float, *, lower: bool) -> Difference:
    mean = mean_of(values)
    clear = p < ALPHA and not mean.low <= 0 <= mean.high
    good = (mean.value < 0) == lower
    verdict = ("better" if good else "worse") if clear else "not told apart"
    return Difference(mean, p, verdict, None if clear else seeds_more(values))


def holm(p: Sequence[float]) -> list[float]:
    """The p values corrected for their number (Holm 1979): the i-th smallest of m times
    m - i + 1, at least that of the one before, and at most 1."""
    corrected, worst = [1.0] * len(p), 0.0
    for rank, row in enumerate(np.argsort(p, kind="stable")):
        worst = max(worst, min(1.0, p[row] * (len(p) - rank)))
        corrected[row] = worst
    return corrected


def seeds_more(values: np.ndarray) -> int | None:
    """Seeds beyond these that a paired test needs to see such a mean with `POWER`.

    n = ((z(1 - α/2) + z(power)) σ / μ)², the usual approximation; None where the mean is zero.
    """
    if len(values) < 2 or not np.mean(values):
        return None
    z = stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER)
    needed = math.ceil((z * float(np.std(values, ddof=1)) / float(np.mean(values))) ** 2)
    return max(1, needed - len(values))


# -- labels to a level ---------------------------------------------------------------------------


def labels_to(
    level: float, labels: np.ndarray, curves: np.ndarray, *, lower: bool = False
) -> np.ndarray:
    """Where each curve first reaches the level, interpolated, [seeds]; inf where it never does."""
    sign = -1.0 if lower else 1.0
    found = np.full(len(curves), np.inf)
    for row, curve in enumerate(sign * curves):
        reached = np.flatnonzero(curve >= sign * level)
        if len(reached):
            at = int(reached[0])
            before = max(at - 1, 0)
            steps = curve[before : at + 1], labels[before : at + 1]
            found[row] = np.interp(sign * level, *steps) if at else labels[0]
    return found


def saving(ours: np.ndarray, theirs: np.ndarray, most: float) -> Interval | None:
    """The share of labels that one strategy saves to a level, the median over seeds.

    A seed in which only the other reaches it counts as an endless loss, one in which only ours
    does as at least the saving up to the last label; one in which neither does says nothing.
    The interval of the median goes by order statistics, so it needs no more than that.

    Args:
        ours, theirs: labels to the level, [seeds]; inf where it is not reached.
        most: labels at the end of the curves.

    Returns:
        None where fewer than half of the seeds say something, or where the interval is open.
    """
    known = np.isfinite(ours) | np.isfinite(theirs)
    if 2 * known.sum() < len(ours) or known.sum() < 2:
        return None
    saved = 1 - ours[known] / np.minimum(theirs[known], most)
    interval = stats.quantile_test(saved, q=0.0, p=0.5).confidence_interval(1 - ALPHA)
    value, low, high = np.quantile(saved, 0.5, method="inverted_cdf"), interval.low, interval.high
    if not all(map(math.isfinite, (value, low, high))):
        return None
    return Interval(float(value), float(low), float(high))


# -- several tasks -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranking:
    """Strategies over several data sets (Demšar 2006).

    Attributes:
        sets: how many data sets.
        ranks: mean rank of each, 1 is best, [strategies].
        p: of Friedman's test that all are alike.
        critical: difference of mean ranks above which two differ, by Nemenyi's test.
    """

    sets: int
    ranks: np.ndarray
    p: float
    critical: float


def ranking(scores: np.ndarray) -> Ranking | None:
    """Rank strategies over data sets; None where there are fewer than three of either.

    Args:
        scores: a figure for each, less is better, [data sets, strategies].
    """
    sets, strategies = scores.shape
    if sets < 3 or strategies < 3:
        return None
    ranks = stats.rankdata(scores, axis=1).mean(axis=0)
    with np.errstate(invalid="ignore"):  # where all are alike in all data sets
        test: Any = stats.friedmanchisquare(*scores.T)
    q = stats.studentized_range.ppf(1 - ALPHA, strategies, np.inf) / math.sqrt(2)
    critical = float(q * math.sqrt(strategies * (strategies + 1) / (6 * sets)))
    p = float(test.pvalue) if math.isfinite(test.pvalue) else 1.0
    return Ranking(sets, ranks, p, critical)
