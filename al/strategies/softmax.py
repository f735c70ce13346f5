"""Softmax sampling."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies import gumbel


@strategies.register("softmax")
def softmax(
    view: PoolView, query_size: int, rng: np.random.Generator, scored: Any, *, beta: float = 1.0
) -> Picks:
    """Asks for samples drawn by the softmax of another strategy's score.

    weight(x) = exp(β score(x)), drawn without replacement. Written `softmax(entropy, beta=8)`;
    β is in units of one over the score.

    Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal (2021, 2023),
    Stochastic batch acquisition. Knows its propensities. Costs what the score costs, plus
    O(N).
    """
    return gumbel.draw(beta * gumbel.scores_of(scored, view), query_size, rng)


softmax.check = gumbel.check  # type: ignore[attr-defined]
