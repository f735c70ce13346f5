"""Vote entropy."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies import kernels
from al.strategies.ranking import by_score


@strategies.register("vote_entropy")
@by_score(reads=["committee"], rowwise=True)
def vote_entropy(view: PoolView) -> np.ndarray:
    """Asks where the votes of the latest candidate models are split most evenly.

    score(x) = −Σ_c v_c ln v_c, with v_c the share of members whose best guess is c; in nats.

    Dagan and Engelson (1995), Committee-based sampling for training probabilistic
    classifiers. Reads `view.committee` [N, M, C], so a campaign needs `candidates` of two or
    more; O(N M C) time, O(N C) memory a window.
    """
    return kernels.entropy(kernels.votes(view.committee))  # [N, M, C] → [N, C] → [N]
