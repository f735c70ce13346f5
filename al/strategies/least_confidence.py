"""Least confidence."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_measure, by_score


@strategies.register("least_confidence")
@by_measure("least_confidence")
@by_score(reads=["probabilities"], rowwise=True)
def least_confidence(view: PoolView, *, over: str = "auto") -> np.ndarray:
    """Asks where the model believes least in its own best guess.

    score(x) = 1 − max_c p(c | x), in [0, 1 − 1/C].

    Of a mask, boxes or labels it is taken of each, and `over` makes one number of these.

    Lewis and Gale (1994), A sequential algorithm for training text classifiers. Reads
    `view.probabilities`; O(N C) time, O(N) memory.
    """
    return view.measured("least_confidence", over)
