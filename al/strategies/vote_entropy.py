"""Vote entropy."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_measure, by_score


@strategies.register("vote_entropy")
@by_measure("vote_entropy")
@by_score(reads=["committee"], rowwise=True)
def vote_entropy(view: PoolView, *, over: str = "auto") -> np.ndarray:
    """Asks where the votes of the latest candidate models are split most evenly.

    score(x) = −Σ_c v_c ln v_c, with v_c the share of members whose best guess is c; in nats.

    Of a mask, boxes or labels it is taken of each, and `over` makes one number of these.

    Dagan and Engelson (1995), Committee-based sampling for training probabilistic
    classifiers. Reads `view.committee` [N, M, C], so a campaign needs `candidates` of two or
    more; O(N M C) time, O(N C) memory a window.
    """
    return view.measured("vote_entropy", over)
