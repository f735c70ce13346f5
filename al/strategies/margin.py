"""Margin."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_measure, by_score


@strategies.register("margin")
@by_measure("margin")
@by_score(reads=["probabilities"], rowwise=True)
def margin(view: PoolView, *, over: str = "auto") -> np.ndarray:
    """Asks where the two best guesses are nearly equally likely.

    score(x) = 1 − (p₁(x) − p₂(x)) with p₁ ≥ p₂ the two highest probabilities; in [0, 1].

    Of a mask, boxes or labels it is taken of each, and `over` makes one number of these.

    Scheffer, Decomain and Wrobel (2001), Active hidden Markov models for information
    extraction; the strongest simple default over 69 tabular sets in Bahri et al. (2022), Is
    margin all you need? Reads `view.probabilities`; O(N C) time, O(N) memory.
    """
    return view.measured("margin", over)
