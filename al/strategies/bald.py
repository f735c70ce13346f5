"""BALD."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies import kernels
from al.strategies.ranking import by_score


@strategies.register("bald")
@by_score(reads=["samples"], rowwise=True)
def bald(view: PoolView) -> np.ndarray:
    """Asks where the stochastic passes are each sure and disagree.

    score(x) = I(y; ω | x) = H[mean_t p_t(· | x)] − mean_t H[p_t(· | x)], in nats: what the
    label would tell of the model's weights ω.

    Houlsby, Huszár, Ghahramani and Lengyel (2011), Bayesian active learning for
    classification and preference learning; with dropout in Gal, Islam and Ghahramani (2017).
    Reads `view.samples` [N, T, C]; O(N T C) time, O(N) memory.
    """
    of_mean, mean_of = kernels.entropy_of_mean_and_mean_entropy(view.samples)
    return np.maximum(of_mean - mean_of, 0.0)  # never negative but for rounding
