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
    centre = points.mean(dim=0)
    points = points - centre  # centred: less is lost when squares are subtracted
    norms = (points * points).sum(dim=1)  # [N]
    nearest = torch.full((len(points),), torch.inf)  # squared distances to the nearest centre
    labelled = torch.from_numpy(np.asarray(seen, dtype=np.float32))  # [L, D]
    for chunk in torch.split(labelled, 256) if len(seen) else ():
        nearest = torch.minimum(nearest, _squared(points, norms, chunk - centre).amin(dim=1))
    positions: list[int] = []
    scores: list[float] = []
    for _ in range(min(query_size, len(points))):
        if not positions and not len(seen):
            pick = int(norms.argmin())
            distance = float(norms[pick])
        else:
            pick = int(nearest.argmax())
            distance = float(nearest[pick])
        positions.append(pick)
        scores.append(max(distance, 0.0) ** 0.5)
        nearest = torch.minimum(
            nearest, _squared(points, norms, points[pick : pick + 1]).squeeze(1)
        )
        nearest[positions[-1]] = -1.0  # picked: never again, even among duplicates
    return Picks(np.array(positions, dtype=np.int64), np.array(scores, dtype=np.float64))


def _squared(points: torch.Tensor, norms: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Squared distances [N, K] to K centres, never below zero."""
    squares = norms[:, None] + (centres * centres).sum(dim=1) - 2.0 * (points @ centres.T)
    return squares.clamp_(min=0.0)
