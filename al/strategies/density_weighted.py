"""Information density."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.entropy import entropy
from al.strategies.geometry import points_of, slices
from al.strategies.ranking import by_measure, by_score


@strategies.register("density_weighted")
@by_measure("entropy")
@by_score(reads=["probabilities", "embeddings"])
def density_weighted(view: PoolView, *, beta: float = 1.0, over: str = "auto") -> np.ndarray:
    """Asks where the predicted distribution is flat and much of the pool is alike.

    score(x) = H[p(· | x)] · max(0, 1/N Σ_j cos(h(x), h_j))^beta with H in nats, p [N, C],
    h [N, D]. The mean is ĥ(x) · mean_j ĥ_j with ĥ = h / ‖h‖₂, so it is exact in linear time.
    A sample at the origin is like nothing; one that points away from the pool counts as that
    too. beta = 0 is `entropy`, with its `over`.

    Settles and Craven (2008), An analysis of active learning strategies for sequence labeling
    tasks. Reads `view.probabilities` and `view.embeddings`; O(N (C + D)) time, O(N) memory.
    """
    points = points_of(view)  # [N, D]
    middle = torch.zeros(points.shape[1], dtype=torch.float64, device=points.device)
    for rows in slices(*points.shape):
        middle += _directions(points[rows]).sum(dim=0, dtype=torch.float64)
    middle /= len(points)
    density = torch.empty(len(points), dtype=torch.float64, device=points.device)
    for rows in slices(*points.shape):
        # Summed row by row: a matrix product gives equal rows sums that differ in last bits.
        density[rows] = (_directions(points[rows]) * middle).sum(dim=1)
    alike = density.clamp_min_(0.0).cpu().numpy()
    found: np.ndarray = entropy.score(view, over=over) * alike**beta
    return found


def _directions(points: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(points, dim=1)
