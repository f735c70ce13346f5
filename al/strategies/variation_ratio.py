"""Variation ratio."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_measure, by_score


@strategies.register("variation_ratio")
@by_measure("variation_ratio")
@by_score(reads=["samples"], rowwise=True)
def variation_ratio(view: PoolView, *, over: str = "auto") -> np.ndarray:
    """Asks where most of the stochastic passes leave the commonest class.

    score(x) = 1 − max_c v_c(x), with v_c the share of passes whose best guess is c; in
    [0, 1 − 1/C].

    Of a mask, boxes or labels it is taken of each, and `over` makes one number of these.

    Freeman (1965), Elementary applied statistics; with dropout in Gal, Islam and Ghahramani
    (2017), Deep Bayesian active learning with image data. Reads `view.samples` [N, T, C];
    O(N T C) time, O(N C) memory a window.
    """
    return view.measured("variation_ratio", over)
