"""Power sampling."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies import gumbel


@strategies.register("power")
def power(
    view: PoolView, query_size: int, rng: np.random.Generator, scored: Any, *, beta: float = 1.0
) -> Picks:
    """Asks for samples drawn in proportion to a power of another strategy's score.

    weight(x) = score(x)^β for scores ≥ 0; drawn without replacement, so that a query is less
    alike than the highest scores are. Written `power(bald)` or `power(margin, beta=4)`.

    Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal (2021, 2023),
    Stochastic batch acquisition. Knows its propensities. Costs what the score costs, plus
    O(N).
    """
    return gumbel.draw(gumbel.powers(gumbel.scores_of(scored, view), beta), query_size, rng)


power.check = gumbel.check  # type: ignore[attr-defined]
