"""Uniform random: the bar that every strategy has to clear."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView


@strategies.register("random")
def random(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for samples drawn uniformly without replacement.

    Reads nothing of the view but the number of its ids, so the model never runs.
    Scores are the uniform numbers that ordered the draw; the propensity is query_size / N.
    O(N) time and memory.
    """
    keys = rng.random(len(view.ids))
    positions = np.argsort(-keys, kind="stable")[:query_size]
    share = np.full(len(positions), len(positions) / max(len(keys), 1))
    return Picks(positions, keys[positions], propensities=share, covers=True)
