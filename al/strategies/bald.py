"""BALD."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_measure, by_score


@strategies.register("bald")
@by_measure("bald")
@by_score(reads=["samples"], rowwise=True)
def bald(view: PoolView, *, over: str = "auto") -> np.ndarray:
    """Asks where the stochastic passes are each sure and disagree.

    score(x) = I(y; ω | x) = H[mean_t p_t(· | x)] − mean_t H[p_t(· | x)], in nats: what the
    label would tell of the model's weights ω.

    Of a mask, boxes or labels it is taken of each, and `over` makes one number of these.
    Of numbers, ½ ln(mean σ² + var μ) − mean ½ ln σ², the mixture taken as normal.

    Houlsby, Huszár, Ghahramani and Lengyel (2011), Bayesian active learning for
    classification and preference learning; with dropout in Gal, Islam and Ghahramani (2017).
    Reads `view.samples` [N, T, C]; O(N T C) time, O(N) memory.
    """
    return view.measured("bald", over)
