"""Mean standard deviation."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_score


@strategies.register("mean_std")
@by_score(reads=["samples"], rowwise=True)
def mean_std(view: PoolView) -> np.ndarray:
    """Asks where the probabilities vary most over the stochastic passes.

    score(x) = mean_c √(mean_t p_t(c | x)² − (mean_t p_t(c | x))²).

    Kampffmeyer, Salberg and Jenssen (2016); as a query strategy in Gal, Islam and Ghahramani
    (2017), Deep Bayesian active learning with image data. Reads `view.samples` [N, T, C];
    O(N T C) time, as much memory as a window of samples.
    """
    return np.asarray(view.samples.std(axis=1).mean(axis=1))  # [N, T, C] → [N, C] → [N]
