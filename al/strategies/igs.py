"""Greedy sampling on inputs and outputs."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.kinds import Trait
from al.strategies.geometry import check_finite, slices
from al.strategies.ranking import certain, needs, reads

#: Distances from differences: from products, equal points are not at distance 0.
_EXACT = "donot_use_mm_for_euclid_dist"


@strategies.register("igs")
@needs(Trait.NORMAL)
@reads("probabilities", "features")
def igs(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for what is far from everything known in its inputs and its predicted number.

    Greedy: pick argmax_n min_{m ∈ labelled ∪ picked} ‖x_n − x_m‖₂ · |f(x_n) − y_m|, repeat;
    ties to the lower id. The number of a pick is not known before it is answered, so its
    prediction stands for it. The score of a pick is that product.

    Wu, Lin and Huang (2019), Active learning for regression using greedy sampling (iGS), where
    samples are asked about one by one. Reads `view.probabilities` [N, 2], of which the mean,
    and `view.features` [N, F]. O((L + query_size) N F) time, O(N) memory and a block of
    distances.
    """
    inputs = _inputs(view.ids, view.features)  # [N, F]
    numbers = torch.from_numpy(view.probabilities[:, 0].astype(np.float64))  # [N]
    seen = view.labelled
    nearest = torch.full((len(inputs),), torch.inf, dtype=torch.float64)
    if seen.ids:
        there = _inputs(seen.ids, seen.features)
        known = torch.tensor([float(label) for label in seen.labels], dtype=torch.float64)
        for rows in slices(len(inputs), max(there.shape)):
            between = torch.cdist(inputs[rows].double(), there.double(), compute_mode=_EXACT)
            nearest[rows] = (between * (numbers[rows, None] - known).abs()).amin(dim=1)
    positions: list[int] = []
    scores: list[float] = []
    for _ in range(query_size):
        pick = int(nearest.numpy().argmax())
        positions.append(pick)
        scores.append(float(nearest[pick]))
        for rows in slices(*inputs.shape):
            apart = torch.linalg.vector_norm(inputs[rows].double() - inputs[pick], dim=1)
            product = apart * (numbers[rows] - numbers[pick]).abs()
            nearest[rows] = torch.minimum(nearest[rows], product)
        nearest[positions] = -1.0
    largest = max([s for s in scores if np.isfinite(s)], default=0.0)
    finite = np.nan_to_num(np.array(scores), posinf=largest)
    return certain(np.array(positions, dtype=np.int64), finite)


def _inputs(ids: tuple[str, ...], features: np.ndarray) -> torch.Tensor:
    check_finite(ids, features)
    return torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))
