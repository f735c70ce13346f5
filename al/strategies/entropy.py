"""Entropy."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_measure, by_score


@strategies.register("entropy")
@by_measure("entropy")
@by_score(reads=["probabilities"], rowwise=True)
def entropy(view: PoolView, *, over: str = "auto") -> np.ndarray:
    """Asks where the predicted distribution is flattest.

    score(x) = −Σ_c p(c | x) ln p(c | x), in nats, with 0 ln 0 = 0; in [0, ln C].

    Of a mask, boxes or labels it is taken of each pixel, box or label, and `over` makes one
    number of these; see `al.measures.reduced`.

    Shannon (1948); as a query strategy in Settles (2009), Active learning literature survey.
    Reads `view.probabilities`; O(N C) time, O(N) memory.
    """
    return view.measured("entropy", over)
