"""Margin."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies import kernels
from al.strategies.ranking import by_score


@strategies.register("margin")
@by_score(reads=["probabilities"], rowwise=True)
def margin(view: PoolView) -> np.ndarray:
    """Asks where the two best guesses are nearly equally likely.

    score(x) = 1 − (p₁(x) − p₂(x)) with p₁ ≥ p₂ the two highest probabilities; in [0, 1].

    Scheffer, Decomain and Wrobel (2001), Active hidden Markov models for information
    extraction; the strongest simple default over 69 tabular sets in Bahri et al. (2022), Is
    margin all you need? Reads `view.probabilities`; O(N C) time, O(N) memory.
    """
    probabilities = view.probabilities  # [N, C]
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities), np.float32)  # one class: nothing to ask
    return 1.0 - kernels.two_largest_apart(probabilities)
