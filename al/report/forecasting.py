"""How many labels a goal will take, from a learning curve so far.

Errors fall as a power of the number of labels, e(n) = a + b · n^(−c) (Cortes et al. 1993,
Learning curves: asymptotic values and rate of convergence; Hestness et al. 2017, Deep learning
scaling is predictable, empirically). Few points do not tell the three apart, so no one curve is
fitted: a grid of (a, c) is weighed by how well each explains what was seen, b and the noise are
drawn, and the curve is carried on point by point with that noise until it reaches the goal.

The intervals are tried on finished campaigns by `benchmarks.forecast`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Points that a forecast takes at the least, and draws of it.
LEAST, DRAWS = 4, 2000
#: Points ahead that are looked at; nothing is claimed beyond.
AHEAD = 200
#: A curve's earlier points count less by this power of their share of the labels: a power law
#: holds for large numbers, and the first cycles choose and learn under other conditions.
FADING = 1.0
#: How much more than seen the noise is taken to be, as a curve's own points fit themselves.
CAUTION = 1.25


@dataclass(frozen=True)
class Forecast:
    """Labels in all that a goal will have taken.

    Attributes:
        low, middle, high: of an 80 % interval, and the median; inf where a curve that is as
            likely as that never reaches the goal within what was looked at.
        most: labels that were looked at.
    """

    low: float
    middle: float
    high: float
    most: float


def forecast(
    labels: np.ndarray,
    values: np.ndarray,
    goal: float,
    *,
    lower: bool,
    share: bool,
    size: int,
    seed: int = 0,
) -> Forecast | None:
    """When a curve that has not reached a goal will do so first.

    Args:
        labels, values: of the curve, [P], labels ascending.
        lower: less is better; share: values go from 0 to 1.
        size: samples that values are measured on, whose number says the least of the noise.

    Returns:
        None where there are too few points, or nothing falls.
    """
    errors = np.asarray(values if lower else 1.0 - values if share else -values, float)
    aim = goal if lower else 1.0 - goal if share else -goal
    if len(labels) < LEAST or (not share and not lower) or not np.isfinite(errors).all():
        return None
    rng = np.random.default_rng(seed)
    n = np.asarray(labels, float)
    floor = _floor(errors, share, size)
    a, b, c, noise = _posterior(n, errors, floor, rng)
    step = float(np.median(np.diff(n)))
    ahead = n[-1] + step * np.arange(1, AHEAD + 1)
    with np.errstate(over="ignore"):
        mean = a[:, None] + b[:, None] * ahead[None, :] ** -c[:, None]
    scale = np.sqrt(np.maximum(mean, 0.0) / max(errors[-1], 1e-9))  # small errors vary less
    shown = mean + noise[:, None] * scale * rng.standard_normal(mean.shape)
    there = shown <= aim
    first = np.where(there.any(axis=1), ahead[there.argmax(axis=1)], np.inf)
    low, middle, high = np.quantile(first, (0.1, 0.5, 0.9), method="inverted_cdf")
    return Forecast(float(low), float(middle), float(high), float(ahead[-1]))


def _floor(errors: np.ndarray, share: bool, size: int) -> float:
    """The least standard deviation of a point: that of measuring it on so many samples."""
    last = float(np.median(errors[-3:]))
    if share:
        return float(np.sqrt(max(last * (1 - last), 0.0) / max(size, 1)) + 1e-4)
    return float(abs(last) / np.sqrt(2 * max(size, 1)) + 1e-9)


def _posterior(
    n: np.ndarray, errors: np.ndarray, floor: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draws of a, b, c and the noise, [DRAWS] each.

    For each (a, c) of the grid, b is regressed on n^(−c) through the origin with weights w; with
    the usual flat prior on b and log σ its weight is S^(−(m−1)/2) · |X|^(−1/2), where S is the
    weighted sum of squares left, m = Σ w the points that count and |X| = Σ w n^(−2c). a and c
    have flat priors on [0, least error] and [0.05, 2].
    """
    weights = (n / n[-1]) ** FADING
    m = float(weights.sum())
    a, c = (
        grid.ravel()
        for grid in np.meshgrid(
            np.linspace(0.0, 0.98, 50) * float(errors.min()), np.linspace(0.05, 2.0, 60)
        )
    )
    x = (n[None, :] / n[-1]) ** -c[:, None]  # of n / last, so that b is of the errors' size
    y = errors[None, :] - a[:, None]
    xx = (weights * x * x).sum(axis=1)
    fitted = (weights * x * y).sum(axis=1) / xx
    left = (weights * (y - fitted[:, None] * x) ** 2).sum(axis=1) + m * floor**2
    score = -0.5 * (m - 1) * np.log(left) - 0.5 * np.log(xx)
    score[fitted <= 0] = -np.inf
    chance = np.exp(score - score.max())
    drawn = rng.choice(len(a), size=DRAWS, p=chance / chance.sum())
    free = max(m - 1, 1.0)
    noise = CAUTION * np.sqrt(left[drawn] / rng.chisquare(free, DRAWS))
    noise = np.maximum(noise, floor)
    b = fitted[drawn] + noise / np.sqrt(xx[drawn]) * rng.standard_normal(DRAWS)
    b = np.maximum(b, 0.0)
    return a[drawn], b * n[-1] ** c[drawn], c[drawn], noise
