"""k-center greedy, the core-set strategy."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.farthest import Farthest
from al.strategies.geometry import labelled_points_of, points_of
from al.strategies.ranking import certain, reads


@strategies.register("k_center")
@reads("embeddings")
def k_center(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for what is farthest from everything labelled or already asked for.

    Greedy: pick argmax_i min_{j ∈ labelled ∪ picked} ‖h_i − h_j‖₂, repeat; ties to the lower
    id. The score of a pick is that distance at the time of the pick. Within twice the optimal
    cover radius.

    Sener and Savarese (2018), Active learning for convolutional neural networks: a core-set
    approach. Reads embeddings h [N, D], or raw features where there is no model. With nothing
    labelled, the first pick is the sample nearest to the mean, so no draw is needed.
    O((L + query_size) N D) time at worst, for most pools a part of it; O(N) memory and
    O((L + query_size) D) for the centres.
    """
    points, centres = points_of(view).numpy(), labelled_points_of(view).numpy()
    if not len(points) or not query_size:
        return certain(np.empty(0, np.int64), np.empty(0))
    if len(centres):
        return certain(*Farthest(points, centres, query_size).run(query_size))
    first, distance = _middle(points)
    search = Farthest(points, points[first : first + 1], query_size - 1)
    search.without(first)
    positions, distances = search.run(query_size - 1)
    return certain(np.append(first, positions), np.append(distance, distances))


def _middle(points: np.ndarray) -> tuple[int, float]:
    """The point nearest to the mean, and its distance."""
    mean = points.mean(axis=0, dtype=np.float64)
    parts = np.array_split(points, -(-len(points) // 4096))
    squared = np.concatenate([np.square(part - mean).sum(axis=1) for part in parts])
    first = int(squared.argmin())
    return first, float(np.sqrt(squared[first]))
