"""Drawing a query in proportion to a score, without replacement, with propensities.

Adding Gumbel noise to log weights and taking the highest draws from the Plackett-Luce
distribution: one sample after the other, each in proportion to its weight among the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from al.contracts import Picks, PoolView
from al.errors import ConfigError
from al.strategies.ranking import top


def draw(log_weights: np.ndarray, query_size: int, rng: np.random.Generator) -> Picks:
    """Draw by weights exp(log_weights), [N].

    The propensity of a pick is P(its key is above the highest key that was left behind) =
    1 − exp(−exp(log_weight − key)): given that threshold, one over it makes sums over the
    pool unbiased (Kool, van Hoof and Welling 2019, Stochastic beams and where to find them).
    The score of a pick is its key. Weights of zero are drawn last, lower ids first.
    """
    keys = log_weights + rng.gumbel(size=len(log_weights))
    possible = np.flatnonzero(np.isfinite(log_weights))
    order = possible[top(keys[possible], query_size)]
    rest = possible[top(keys[possible], query_size + 1)]
    threshold = keys[rest[query_size]] if len(rest) > query_size else -np.inf
    with np.errstate(over="ignore"):
        shares = -np.expm1(-np.exp(log_weights[order] - threshold))
    lowest = keys[order[-1]] if len(order) else 0.0
    zeros = np.flatnonzero(~np.isfinite(log_weights))[: query_size - len(order)]
    positions = np.concatenate([order, zeros])
    scores = np.concatenate([keys[order], np.full(len(zeros), lowest)])
    # Samples of no weight come in only when all the others have, and then for certain.
    return Picks(
        positions,
        scores,
        propensities=np.concatenate([shares, np.ones(len(zeros))]),
        covers=bool(np.isfinite(log_weights).all()),
    )


def scores_of(scored: Any, view: PoolView) -> np.ndarray:
    """The scores [N] of a strategy that has them, as float64."""
    return np.asarray(scored.score(view), dtype=np.float64)


def powers(scores: np.ndarray, beta: float) -> np.ndarray:
    """Log weights of scores^β, [N]; scores that are not above 0 have no weight."""
    log_weights = np.full(len(scores), -np.inf)
    positive = scores > 0
    log_weights[positive] = beta * np.log(scores[positive])
    return log_weights


def check(scored: Any, *, beta: float = 1.0) -> None:
    """Checks its arguments before anything runs.

    Raises:
        ConfigError: beta is negative.
    """
    if beta < 0:
        raise ConfigError(f"beta={beta:g} is negative: give 0 for uniform, or more")
