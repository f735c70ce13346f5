"""Learning loss."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_score


@strategies.register("learning_loss")
@by_score(reads=["losses"], rowwise=True)
def learning_loss(view: PoolView) -> np.ndarray:
    """Asks where the model expects its own loss to be highest.

    score(x) = ℓ̂(h(x)), a small head on the embedding, trained with the task to rank the
    losses of the samples in a batch: for a pair, max(0, ξ − sign(ℓ_i − ℓ_j)(ℓ̂_i − ℓ̂_j)) with
    margin ξ = 1. The head's gradient does not reach the trunk.

    Yoo and Kweon (2019), Learning loss for active learning; their head also reads the layers
    between, ours the last. Reads `view.losses` [N], which the champion has when its campaign
    trains with this strategy; O(N) time and memory.
    """
    return view.losses
