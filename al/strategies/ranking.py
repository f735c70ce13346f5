"""From a score for each sample to a query: highest first, ties by sample id."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from al.contracts import Picks, PoolView, Strategy
from al.errors import StrategyError


def top(scores: np.ndarray, query_size: int) -> np.ndarray:
    """Positions of the highest scores, [query_size], best first, ties by position.

    O(N + k log k) time: everything above the k-th score is taken, then the first of those
    equal to it.
    """
    if query_size >= len(scores):
        return np.argsort(-scores, kind="stable")
    kth = np.partition(scores, len(scores) - query_size)[len(scores) - query_size]
    above = np.flatnonzero(scores > kth)
    equal = np.flatnonzero(scores == kth)[: query_size - len(above)]
    chosen = np.sort(np.concatenate([above, equal]))
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def by_score(score: Callable[[PoolView], np.ndarray]) -> Strategy:
    """Decorator: a function from a view to scores [N], higher = ask sooner, as a strategy.

    Raises:
        StrategyError: a score is not finite; names the samples.
    """

    @wraps(score)
    def strategy(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
        scores = np.asarray(score(view))
        if scores.shape != (len(view.ids),):
            raise StrategyError(
                f"{score.__name__} gave scores of shape {scores.shape} for {len(view.ids)} "
                "samples: return one number a sample"
            )
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            some = ", ".join(view.ids[i] for i in bad[:3])
            raise StrategyError(
                f"{score.__name__} gave {len(bad)} scores that are not finite ({some}): "
                "check these samples and the model"
            )
        positions = top(scores, query_size)
        return Picks(positions, scores[positions])

    return strategy
