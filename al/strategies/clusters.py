"""k-means over many points, and which cluster each belongs to."""

from __future__ import annotations

import numpy as np
import torch

from al.strategies.geometry import ROUNDING, Cloud, nearest, slices
from al.strategies.seeding import Seeding, Side

#: Samples that k-means learns from, for each cluster.
PER_CLUSTER = 40
#: From so many centres on they are grouped, and only the nearest groups are looked at.
_MANY, _PROBES = 2000, 8
#: Points that are assigned together, where centres are grouped.
_ROWS = 8192


def k_means(
    points: torch.Tensor, k: int, rng: np.random.Generator, rounds: int = 10
) -> torch.Tensor:
    """Centres of k clusters, [k, D]; fewer where there are fewer distinct points.

    k-means++ (Arthur and Vassilvitskii 2007), then Lloyd's rounds until the sum of squares
    falls by less than 0.2 %, which after such seeds takes few, on at most 40 k points drawn
    uniformly (FAISS takes 39 to 256 a cluster). O(rounds · n k D) time for n of these points.
    Of 2,000 centres or more 1 % is enough, and it takes O(rounds · n √k D), see `assigned`.
    """
    drawn = rng.permutation(len(points))[: PER_CLUSTER * k]
    points = points[torch.as_tensor(drawn, device=points.device)]
    centres = _spread(points[: max(16_384, 4 * k)], k, rng)
    before, least = np.inf, 2e-3 if k < _MANY else 1e-2
    for _ in range(rounds):
        distances, labels = assigned(points, centres)
        total = float(distances.double().square().sum())
        if total > before * (1.0 - least) or not total:
            break
        before = total
        sizes = torch.bincount(labels, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, labels, points)
        full = sizes > 0  # a cluster that lost all its points stays where it was
        centres[full] = sums[full] / sizes[full, None]
    return centres


def assigned(points: torch.Tensor, centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Distance to the nearest of the centres, and which that is: [N, D], [K, D] → [N], [N].

    From 2,000 centres on these are grouped by a k-means of their own into √K groups, and each
    point looks at the centres of the 8 groups whose means are nearest: as an inverted file
    does, so of few points it is the second nearest.
    """
    if len(centres) < _MANY:
        distances, labels = nearest(points, centres)
        return distances[:, 0], labels[:, 0]
    middles = k_means(centres, round(len(centres) ** 0.5), np.random.default_rng(0))
    groups = nearest(centres, middles)[1][:, 0]
    order = torch.argsort(groups, stable=True)
    stops = torch.bincount(groups, minlength=len(middles)).cumsum(dim=0).tolist()
    cloud = Cloud(centres[order])
    labels = torch.empty(len(points), dtype=torch.int64, device=points.device)
    for start in range(0, len(points), _ROWS):
        part = points[start : start + _ROWS] - cloud.centre
        labels[start : start + _ROWS] = order[_probed(part, cloud, middles - cloud.centre, stops)]
    distances = torch.empty(len(points), device=points.device)
    for rows in slices(len(points), points.shape[1]):
        apart = points[rows] - centres[labels[rows]]
        distances[rows] = torch.linalg.vector_norm(apart, dim=1)
    return distances, labels


def _probed(
    points: torch.Tensor, cloud: Cloud, middles: torch.Tensor, stops: list[int]
) -> torch.Tensor:
    """The nearest of the cloud's points that are in the nearest groups, [n].

    Args:
        stops: where each group ends in the cloud.
    """
    far = torch.addmm(middles.square().sum(dim=1), points, middles.T, alpha=-2.0)
    probed = far.topk(min(_PROBES, len(middles)), dim=1, largest=False, sorted=False).indices
    least = points.new_full((len(points),), torch.inf)
    found = torch.zeros(len(points), dtype=torch.int64, device=points.device)
    asked = torch.zeros_like(far, dtype=torch.bool).scatter_(1, probed, True).T.contiguous()
    for group, stop in enumerate(stops):
        start = stops[group - 1] if group else 0
        rows = asked[group].nonzero()[:, 0]
        if not len(rows) or start == stop:
            continue
        theirs = cloud.points[start:stop]
        less = torch.addmm(cloud.norms[start:stop], points[rows], theirs.T, alpha=-2.0)
        value, place = less.min(dim=1)
        nearer = value < least[rows]
        least[rows[nearer]], found[rows[nearer]] = value[nearer], place[nearer] + start
    return found


def _spread(points: torch.Tensor, k: int, rng: np.random.Generator) -> torch.Tensor:
    """k of the points, each drawn by its squared distance to those drawn before, [≤ k, D]."""
    search = _Points(points, k)
    while len(search.picked) < k and search.draw(rng):
        pass
    return points[torch.tensor(search.picked, device=points.device)]


class _Points(Seeding):
    """k-means++ over points as they are."""

    def __init__(self, points: torch.Tensor, most: int) -> None:
        super().__init__(len(points), most)
        self.cloud = Cloud(points)
        self.held = points.new_empty((most, points.shape[1])), points.new_empty(most)

    def side(self, rows: slice | torch.Tensor) -> Side:
        if isinstance(rows, torch.Tensor):
            rows = rows.to(self.cloud.points.device)
        return self.cloud.points[rows], self.cloud.norms[rows]

    def keep(self, places: slice, side: Side) -> None:
        for held, new in zip(self.held, side, strict=True):
            held[places] = new

    def nearest(self, side: Side, picks: slice) -> np.ndarray:
        (x, norms), (held, theirs) = side, (held[picks] for held in self.held)
        less = torch.addmm(theirs, x, held.T, alpha=-2.0).amin(dim=1)
        return _apart(less.add_(norms), norms)

    def apart(self, side: Side) -> np.ndarray:
        x, norms = side
        return _apart(torch.addmm(norms, x, x.T, alpha=-2.0).add_(norms[:, None]), norms[:, None])


def _apart(apart: torch.Tensor, norms: torch.Tensor) -> np.ndarray:
    """Squared distances; what is rounding is zero, so that equal points are never drawn twice."""
    return apart.masked_fill_(apart < 2.0 * ROUNDING * norms, 0.0).cpu().numpy()
