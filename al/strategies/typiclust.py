"""TypiClust."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.clusters import PER_CLUSTER, k_means
from al.strategies.geometry import labelled_points_of, nearest, points_of, turns
from al.strategies.ranking import reads

#: At most so many clusters, so that each keeps enough samples to judge density by.
CLUSTERS = 500
_NEIGHBOURS = 20
#: Where a cluster has more members, neighbours are sought among so many of them; then, of so many
#: times as many as may be asked for that look most typical, among up to ten thousand.
_SOUGHT, _AGAIN, _MOST = 500, 20, 10_000


@strategies.register("typiclust")
@reads("embeddings")
def typiclust(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for the most typical sample of each large cluster that has no label yet.

    k-means makes K = min(L + query_size, 500) clusters of pool and labelled set, h [N + L, D].
    The next pick is from the cluster with the fewest labelled or already picked samples, the
    largest of these: the unpicked one of highest typicality
    (1/k Σ_{j ∈ k nearest in the cluster} ‖h_i − h_j‖₂)⁻¹ with k = min(20, members − 1). So
    where more is asked for than there are clusters, it goes round again. The score is the
    cluster's share of all samples less the number labelled or picked in it before; it falls.

    Hacohen, Dekel and Weinshall (2022), Active learning on a budget: opposite strategies suit
    high and low budgets (TPC_RP), on the embeddings there are in place of self-supervised
    ones. The authors leave out clusters of fewer than five; here size alone puts them last.
    Reads embeddings, or raw features where there is no model; needs no labels. Seeds of
    k-means are drawn. In a cluster of more than 500, neighbours are first sought among 500 drawn
    ones, then, of the twenty times as many as a cluster may be asked for that look most typical,
    among all members, or 10,000 of them. O(N K D + Σ_c |S_c| min(|S_c|, 500) D) time, O(N)
    memory beyond the embeddings.
    """
    points, labelled = points_of(view), labelled_points_of(view)  # [N, D], [L, D]
    total = len(points) + len(labelled)
    clusters = min(len(labelled) + query_size, total, CLUSTERS)
    # What k-means would draw itself, drawn here so that pool and labelled are not copied whole.
    drawn = rng.permutation(total)[: PER_CLUSTER * clusters]
    inside = torch.as_tensor(drawn[drawn < len(points)], device=points.device)
    learned = points[inside]
    if len(labelled):
        outside = torch.as_tensor(drawn[drawn >= len(points)] - len(points), device=points.device)
        learned = torch.cat([learned, labelled[outside]])
    centres = k_means(learned, clusters, rng)

    groups = nearest(points, centres)[1][:, 0].cpu().numpy()  # [N]
    sizes = np.bincount(groups, minlength=len(centres))
    covered = np.zeros_like(sizes)
    if len(labelled):
        theirs = nearest(labelled, centres)[1][:, 0].cpu().numpy()
        covered = np.bincount(theirs, minlength=len(centres))
    apart = np.empty(len(points))  # mean distance to the neighbours
    wanted = -(-query_size // clusters) * _AGAIN  # of each cluster, to be looked at again
    for members in np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1]):
        apart[members] = _apart(points[torch.as_tensor(members, device=points.device)], wanted, rng)

    typical = np.lexsort((apart, groups))  # each cluster's most typical first, ties by position
    before = np.empty(len(points), np.int64)  # labelled or picked in the cluster before it
    before[typical] = turns(groups[typical])
    before += covered[groups]
    scores = (sizes + covered)[groups] / (total + 1) - before
    positions = np.lexsort((np.arange(len(points)), groups, -scores))[:query_size]
    return Picks(positions, scores[positions])


def _apart(members: torch.Tensor, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Mean distance of each to its nearest neighbours among the members, [n].

    Args:
        wanted: of many members, so many that look most typical come first, and are measured well.
    """
    apart = _among(members, np.arange(len(members)), _SOUGHT, rng)
    if len(members) > _SOUGHT:
        first = np.argsort(apart, kind="stable")[:wanted]
        measured = _among(members, first, _MOST, rng)
        apart += measured.max()
        apart[first] = measured
    return apart


def _among(
    members: torch.Tensor, rows: np.ndarray, most: int, rng: np.random.Generator
) -> np.ndarray:
    """Mean distance of some members to their nearest neighbours among at most so many, [n]."""
    if len(members) < 2:
        return np.zeros(len(rows))
    drawn = np.arange(len(members))
    if len(members) > most:
        drawn = np.sort(rng.choice(len(members), most, replace=False))
    own = torch.as_tensor(np.isin(rows, drawn), device=members.device)
    some, among = (members[torch.as_tensor(at, device=members.device)] for at in (rows, drawn))
    distances = nearest(some, among, _NEIGHBOURS + 1)[0]
    # Who is among them is its own nearest, at 0; the mean leaves that one out.
    others = torch.where(own[:, None], distances[:, 1:], distances[:, :-1])
    return others.mean(dim=1, dtype=torch.float64).cpu().numpy()
