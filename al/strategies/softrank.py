"""Soft-rank sampling."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies import gumbel


@strategies.register("softrank")
def softrank(
    view: PoolView, query_size: int, rng: np.random.Generator, scored: Any, *, beta: float = 1.0
) -> Picks:
    """Asks for samples drawn by their rank in another strategy's order.

    weight(x) = rank(x)^−β with rank 1 for the highest score, ties by sample id; drawn
    without replacement. Only the order of the scores counts, not their scale. Written
    `softrank(margin)`.

    Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal (2021, 2023),
    Stochastic batch acquisition. Knows its propensities. Costs what the score costs, plus
    O(N log N).
    """
    scores = gumbel.scores_of(scored, view)
    ranks = np.empty(len(scores))
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return gumbel.draw(-beta * np.log(ranks), query_size, rng)


softrank.check = gumbel.check  # type: ignore[attr-defined]
