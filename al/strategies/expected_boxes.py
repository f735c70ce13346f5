"""Expected number of boxes, or of entities."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.kinds import Trait
from al.strategies.ranking import by_score, needs


@strategies.register("expected_boxes")
@needs(Trait.COUNTS)
@by_score(reads=["probabilities"], rowwise=True)
def expected_boxes(view: PoolView) -> np.ndarray:
    """Asks where the model expects most boxes, or entities.

    score(x) = Σ_c Σ_k p_k(c), over the places k where a box may be, with p_k(c) how probably
    it is one of class c: the boxes that an answer brings, or the entities, by how probably a
    token begins one. They cost too: costs=on counts them.

    Aggregating over boxes by their sum, as in Brust, Käding and Denzler (2019), Active learning
    for deep object detection, follows the number of boxes above all; this is that part of it
    alone, to hold it against. Reads `view.probabilities` [N, C], the expected number of boxes
    of each class; O(N C) time, O(N) memory.
    """
    return np.asarray(view.probabilities.sum(axis=1))
