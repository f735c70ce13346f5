"""Mean standard deviation."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_measure, by_score


@strategies.register("mean_std")
@by_measure("mean_std")
@by_score(reads=["samples"], rowwise=True)
def mean_std(view: PoolView, *, over: str = "auto") -> np.ndarray:
    """Asks where the probabilities vary most over the stochastic passes.

    score(x) = mean_c √(mean_t p_t(c | x)² − (mean_t p_t(c | x))²).

    Of a mask, boxes or labels it is taken of each, and `over` makes one number of these.
    Of numbers, √(var_t μ_t(x)).

    Kampffmeyer, Salberg and Jenssen (2016); as a query strategy in Gal, Islam and Ghahramani
    (2017), Deep Bayesian active learning with image data. Reads `view.samples` [N, T, C];
    O(N T C) time, as much memory as a window of samples.
    """
    return view.measured("mean_std", over)
