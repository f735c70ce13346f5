"""k-center greedy, the core-set strategy."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView


@strategies.register("k_center")
def k_center(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for what is farthest from everything labelled or already asked for.

    Greedy: pick argmax_i min_{j ∈ labelled ∪ picked} ‖h_i − h_j‖₂, repeat. The score of a
    pick is that distance at the time of the pick. Within twice the optimal cover radius.

    Sener and Savarese (2018), Active learning for convolutional neural networks: a core-set
    approach. Reads embeddings h, or raw features where there is no model. With nothing
    labelled, the first pick is the sample nearest to the mean, so no draw is needed.
    O((L + query_size) N D) time, O(N) memory beyond the embeddings.
    """
    source = view.embeddings if view.has_model else view.features
    points = torch.from_numpy(np.ascontiguousarray(source, dtype=np.float32))  # [N, D]
    seen = view.labelled.embeddings if view.has_model else view.labelled.features
    labelled = torch.from_numpy(np.asarray(seen, dtype=np.float32))  # [L, D]
    nearest = torch.full((len(points),), torch.inf)  # distance to the nearest centre
    for chunk in torch.split(labelled, 256) if len(seen) else ():
        nearest = torch.minimum(nearest, _distances(points, chunk).amin(dim=1))
    positions: list[int] = []
    scores: list[float] = []
    for _ in range(min(query_size, len(points))):
        if not positions and not len(seen):
            middle = _distances(points, points.mean(dim=0, keepdim=True)).squeeze(1)
            pick = int(middle.argmin())
            scores.append(float(middle[pick]))
        else:
            pick = int(nearest.argmax())
            scores.append(float(nearest[pick]))
        positions.append(pick)
        added = _distances(points, points[pick : pick + 1]).squeeze(1)
        nearest = torch.minimum(nearest, added)
        nearest[pick] = -1.0  # picked: never again, even among duplicates
    return Picks(np.array(positions, dtype=np.int64), np.array(scores, dtype=np.float64))


def _distances(points: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Distances [N, K], each from its own differences.

    A matrix product would be faster, but gives equal rows distances that differ in the last
    bits, and then ties do not go to the lower id.
    """
    return torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist")
