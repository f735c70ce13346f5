"""Greedy sampling on the outputs."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.kinds import Trait
from al.strategies.geometry import check_finite
from al.strategies.ranking import certain, needs, reads


@strategies.register("gsy")
@needs(Trait.NORMAL)
@reads("probabilities")
def gsy(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for the predicted number that is farthest from every number that is known.

    Greedy: pick argmax_n min_{m ∈ labelled ∪ picked} |f(x_n) − y_m|, repeat; ties to the lower
    id. The number of a pick is not known before it is answered, so its prediction stands for
    it. The score of a pick is that distance.

    Wu, Lin and Huang (2019), Active learning for regression using greedy sampling (GSy), where
    samples are asked about one by one. Reads `view.probabilities` [N, 2], of which the mean.
    O((L + query_size) N) time, O(N) memory.
    """
    predicted = view.probabilities[:, 0].astype(np.float64)  # [N]
    check_finite(view.ids, predicted, "have predicted numbers that are")
    nearest = to_known(predicted, np.array(view.labelled.labels, dtype=np.float64))
    positions, scores = [], []
    for _ in range(query_size):
        pick = int(nearest.argmax())
        positions.append(pick)
        scores.append(float(nearest[pick]))
        np.minimum(nearest, np.abs(predicted - predicted[pick]), out=nearest)
        nearest[positions] = -1.0
    finite = np.nan_to_num(scores, posinf=float(np.ptp(predicted)))
    return certain(np.array(positions, dtype=np.int64), finite)


def to_known(predicted: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Distance of each predicted number to the nearest known one, [N]; infinite if none is."""
    if not len(known):
        return np.full(len(predicted), np.inf)
    known = np.sort(known)
    above = np.searchsorted(known, predicted).clip(1, max(len(known) - 1, 1))
    sides = (known[(above - 1).clip(0, len(known) - 1)], known[above.clip(0, len(known) - 1)])
    return np.minimum(*(np.abs(predicted - side) for side in sides))
