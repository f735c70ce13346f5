"""A query strategy kept outside the package: one file, run by its name.

mlflow run . --env-manager local -P strategy=examples.lonely:lonely
"""

from __future__ import annotations

import numpy as np

from al.contracts import PoolView
from al.strategies import by_score


@by_score
def lonely(view: PoolView) -> np.ndarray:
    """Asks where the model is unsure and nothing alike is labelled yet.

    score(x) = (1 − max_c p(c | x)) · min_{l ∈ labelled} ‖h(x) − h(l)‖₂.

    Reads `view.probabilities` and `view.embeddings`; O(N L D) time, O(N) memory beyond them.
    """
    unsure = 1.0 - view.probabilities.max(axis=1)  # [N, C] → [N]
    nearest = np.full(len(view.ids), np.inf)  # [N]
    for row in view.labelled.embeddings:  # [L, D]
        nearest = np.minimum(nearest, np.linalg.norm(view.embeddings - row, axis=1))
    return unsure * nearest
