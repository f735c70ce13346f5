"""Variation ratio."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.kernels import votes
from al.strategies.ranking import by_score


@strategies.register("variation_ratio")
@by_score(reads=["samples"], rowwise=True)
def variation_ratio(view: PoolView) -> np.ndarray:
    """Asks where most of the stochastic passes leave the commonest class.

    score(x) = 1 − max_c v_c(x), with v_c the share of passes whose best guess is c; in
    [0, 1 − 1/C].

    Freeman (1965), Elementary applied statistics; with dropout in Gal, Islam and Ghahramani
    (2017), Deep Bayesian active learning with image data. Reads `view.samples` [N, T, C];
    O(N T C) time, O(N C) memory a window.
    """
    return 1.0 - votes(view.samples).max(axis=1)  # [N, T, C] → [N, C] → [N]
