"""Cluster-Margin."""

from __future__ import annotations

from math import ceil

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.geometry import nearest, points_of, turns
from al.strategies.margin import margin
from al.strategies.ranking import by_measure, certain, reads, top

#: How much longer the shortlist is than the query, and the mean size of a cluster.
_SHORTLIST, _CLUSTER = 10, 10
#: At most so many are clustered: the distances between them are 67 MB in float64.
LINKED = 4096


@strategies.register("cluster_margin")
@by_measure("margin")
@reads("probabilities", "embeddings")
def cluster_margin(
    view: PoolView, query_size: int, rng: np.random.Generator, *, over: str = "auto"
) -> Picks:
    """Asks where the two best guesses are nearly equally likely, one cluster after the other.

    The 10 query_size samples of smallest margin p₁ − p₂ are clustered by their embeddings
    h [10 query_size, D]; then, going round from the smallest cluster to the largest, each
    gives its sample of smallest margin. The score is 1 − (p₁ − p₂), which does not fall from
    pick to pick. Ties between clusters go to the one with the smaller margin.
    `over` is that of `margin`.

    Citovsky et al. (2021), Batch active learning at scale. The authors cluster the whole pool
    once and draw within a cluster; here it is the shortlist, every cycle anew, as embeddings
    change with the model. Average linkage, cut so that a cluster has ten samples on average;
    of a shortlist of more than 4,096, so many are linked, evenly through its order, and the
    others join the cluster whose mean is nearest. Reads `view.probabilities` and
    `view.embeddings`. Draws nothing. With m ≤ 4,096 linked: O(N C + m² D + query_size m D)
    time, 12 m² bytes and O(N) memory.
    """
    scores = margin.score(view, over=over)
    shortlist = top(scores, _SHORTLIST * query_size)  # best first
    points = points_of(view)
    groups = _clusters(points[torch.as_tensor(shortlist, device=points.device)])
    turn = turns(groups)
    first = np.unique(groups, return_index=True)[1]  # ranks of the clusters' best
    sizes = np.bincount(groups)
    order = np.lexsort((first[groups], sizes[groups], turn))[:query_size]
    return certain(shortlist[order], scores[shortlist[order]])


def _clusters(points: torch.Tensor) -> np.ndarray:
    """Average-linkage clusters, numbered from 0 without gaps: [M, D] → [M]."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(points) < 2:
        return np.zeros(len(points), np.int64)
    linked = np.linspace(0, len(points) - 1, min(len(points), LINKED)).round().astype(np.int64)
    some = points[torch.as_tensor(linked, device=points.device)]
    tree = linkage(torch.nn.functional.pdist(some).cpu().numpy(), method="average")
    cut = fcluster(tree, ceil(len(linked) / _CLUSTER), criterion="maxclust")
    groups = np.unique(cut, return_inverse=True)[1].reshape(-1)
    if len(linked) == len(points):
        return groups
    means = np.zeros((groups.max() + 1, points.shape[1]))
    np.add.at(means, groups, some.cpu().numpy())
    means /= np.bincount(groups)[:, None]
    centres = torch.as_tensor(means.astype(np.float32), device=points.device)
    joined = nearest(points, centres)[1][:, 0].cpu().numpy()
    joined[linked] = groups
    return joined
