"""k-means."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.clusters import assigned
from al.strategies.clusters import k_means as fit
from al.strategies.geometry import points_of
from al.strategies.ranking import reads, top


@strategies.register("k_means")
@reads("embeddings")
def k_means(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for the sample in the middle of each of as many clusters as samples are wanted.

    Of each cluster S_c of k-means with query_size clusters over h [N, D], the member
    argmin_{i ∈ S_c} ‖h_i − mean(S_c)‖₂; the largest cluster first. The score is the cluster's
    share of the pool. Where a cluster is empty, which takes fewer distinct samples than
    clusters or a sub-sample that missed it, the sample farthest from its own centre is asked
    for instead, at the end and with score 0.

    Kang, Ryu and Kwon (2004), Using cluster-based sampling to select initial training set for
    active learning in text classification. Reads embeddings, or raw features where there is
    no model; the labelled set plays no part. The seeds of k-means++ are drawn, so the query
    is too. Centres are learned from at most 40 query_size samples in at most ten rounds, then
    the whole pool is assigned: O((10 · 40 query_size + N) query_size D) time, a copy of
    the samples learned from and O(N) memory. From a query of 2,000 on a sample looks at the
    centres of the eight nearest of √query_size groups only.
    """
    points = points_of(view)  # [N, D]
    size = min(query_size, len(points))
    found = assigned(points, fit(points, size, rng))
    distances, labels = (array.cpu().numpy() for array in found)
    order = np.lexsort((distances, labels))  # stable: ties by position
    clusters, first, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    middles = order[first]
    by_size = np.lexsort((middles, -sizes))
    positions, shares = middles[by_size], sizes[by_size] / len(points)
    left = distances.copy()
    left[positions] = -1.0
    more = top(left, size - len(clusters)) if size > len(clusters) else positions[:0]
    return Picks(np.concatenate([positions, more]), np.concatenate([shares, np.zeros(len(more))]))
