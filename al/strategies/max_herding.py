"""MaxHerding."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.coverage import herd
from al.strategies.geometry import labelled_points_of, points_of
from al.strategies.ranking import reads

#: σ on embeddings of length 1, between which distances go from 0 to 2.
BANDWIDTH = 1.0


@strategies.register("max_herding")
@reads("embeddings")
def max_herding(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for the samples that, with the labelled ones, cover the pool best by a smooth kernel.

    Greedy on the generalised coverage C(S) = 1/N Σ_i max_{j ∈ labelled ∪ S} k(i, j) with
    k(i, j) = exp(−‖h_i − h_j‖² / σ²) over embeddings h [N, D] of length 1 and σ = 1, the
    authors' choice, which they find coverage to depend on little where that of `prob_cover`,
    the same with a kernel of 0 or 1, depends much on its radius. The score is by how much the
    pick raised C; it falls. Within 1 − 1/e of the best. Ties, up to rounding, go to the lower
    position.

    Bae, Noh and Sutherland (2024), Generalized coverage for more robust low-budget active
    learning. Reads embeddings, or raw features where there is no model. Up to 20,000 samples
    greedy is exact, and nothing is drawn; beyond, as in `facility_location`, over candidates
    and a reference set drawn uniformly. Time and memory are those of `facility_location`.
    """
    points, labelled = points_of(view), labelled_points_of(view)
    size = min(query_size, len(points))
    return herd(points, labelled, np.ones(len(points)), BANDWIDTH, size, rng)
