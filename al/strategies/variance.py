"""Predicted variance."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.kinds import Trait
from al.strategies.ranking import by_score, needs


@strategies.register("variance")
@needs(Trait.NORMAL)
@by_score(reads=["probabilities"], rowwise=True)
def variance(view: PoolView) -> np.ndarray:
    """Asks where the model says that its number is most uncertain.

    score(x) = σ²(x), the variance that the model predicts; in the order of the entropy
    ½ ln 2πe σ²(x).

    Cohn, Ghahramani and Jordan (1996), Active learning with statistical models, on variance as
    what to lower. σ² holds the noise of the numbers too, which no label takes away; `bald` and
    `mean_std` ask where stochastic passes disagree, `consensus_kl` where candidates do. Reads
    `view.probabilities` [N, 2], mean and variance; O(N) time and memory.
    """
    return view.probabilities[:, 1]
