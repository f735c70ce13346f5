"""How the samples to annotate are chosen: a score for each, higher = ask sooner."""

from __future__ import annotations

import numpy as np

from al.contracts import PoolView
from al.strategies import by_score


@by_score(reads=["probabilities"])
def new_and_unsure(view: PoolView) -> np.ndarray:
    """Asks where the model is unsure and no labelled sample is near."""
    unsure = 1.0 - view.probabilities.max(axis=1)  # [N, C] → [N]
    nearest = np.full(len(view.ids), np.inf)  # [N]
    for row in view.labelled.features:  # [L, F]
        nearest = np.minimum(nearest, np.linalg.norm(view.features - row, axis=1))
    return unsure * nearest
