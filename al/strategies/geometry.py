"""Distances, neighbours and k-means over many points, in blocks that stay near the cache.

Points are tensors [N, D] on whatever device, float32 where nothing else is said; nothing here
ever holds N × N numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from al.contracts import PoolView
from al.errors import StrategyError

#: Numbers below which a copy to a GPU costs more than it saves.
_WORTH_A_GPU = 4_000_000
#: Numbers in a block of distances: 4 MB of float32.
_BLOCK = 1 << 20
#: Squared distances below this share of the squared norms are rounding, not distance.
ROUNDING = 1e-6
#: Samples that k-means learns from, for each cluster.
PER_CLUSTER = 40


def points_of(view: PoolView) -> torch.Tensor:
    """Where the pool lies, [N, D]: embeddings, or raw features where there is no model.

    Raises:
        StrategyError: a number is not finite; names the samples.
    """
    return _points(view.ids, view.embeddings if view.has_model else view.features)


def labelled_points_of(view: PoolView) -> torch.Tensor:
    """Where the labelled set lies, [L, D], in the space of `points_of`."""
    seen = view.labelled
    found = seen.embeddings if view.has_model else seen.features
    return _points(seen.ids, found) if len(found) else points_of(view)[:0]  # of the same width


def _points(ids: Sequence[str], array: np.ndarray) -> torch.Tensor:
    """Flat float32 rows, without a copy where they are that already."""
    found = np.ascontiguousarray(array, dtype=np.float32)
    found = found.reshape(len(found), -1) if len(found) else found
    check_finite(ids, found)
    return torch.from_numpy(found if found.flags.writeable else found.copy())


def check_finite(ids: Sequence[str], points: np.ndarray) -> None:
    """Refuse numbers that are not finite.

    Raises:
        StrategyError: names the samples.
    """
    if np.isfinite(points.sum(dtype=np.float64)):
        return
    bad = np.flatnonzero(~np.isfinite(points.reshape(len(points), -1)).all(axis=1))
    if len(bad):
        some = ", ".join(ids[i] for i in bad[:3])
        raise StrategyError(
            f"{len(bad)} samples lie nowhere, their embeddings or features are not finite "
            f"({some}): check these samples and the model"
        )


def device(numbers: int) -> torch.device:
    """Where to compute with so many numbers: a GPU where there is one and it is worth the copy."""
    if numbers >= _WORTH_A_GPU and torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("cpu")


def squares(rows: torch.Tensor) -> torch.Tensor:
    """‖x‖² of each row: [N, D] → [N]."""
    return torch.linalg.vector_norm(rows, dim=1).square_()


def slices(total: int, width: int) -> Iterator[slice]:
    """All rows, so many at a time that `width` numbers for each of them make a block."""
    rows = max(1, _BLOCK // max(1, width))
    return (slice(start, min(start + rows, total)) for start in range(0, total, rows))


class Cloud:
    """Points to measure distances to, made ready once.

    They are centred: far from the origin, ‖x‖² + ‖y‖² − 2 x·y would be all rounding.
    """

    def __init__(self, points: torch.Tensor) -> None:
        # In float64, so that the mean of equal points is that point.
        self.centre = points.mean(dim=0, dtype=torch.float64).to(points.dtype)  # [D]
        self.points = points - self.centre  # [M, D]
        self.norms = self.points.square().sum(dim=1)  # [M]

    def squared(self, others: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        """‖x − y‖² of others x to these points y, a block [n, M] of rows at a time.

        A block is overwritten by the next one: new memory for each costs more than the
        product does.
        """
        count, width = self.points.shape
        buffer = others.new_empty(0)
        for rows in slices(len(others), max(count, width)):
            part = others[rows] - self.centre
            if not len(buffer):
                buffer = others.new_empty((len(part), count))
            block = buffer[: len(part)]
            torch.addmm(self.norms, part, self.points.T, alpha=-2.0, out=block)
            yield rows, block.add_(part.square().sum(dim=1, keepdim=True)).clamp_min_(0.0)


def nearest(
    points: torch.Tensor, others: torch.Tensor, k: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances [N, k], ascending, and rows [N, k] of the k nearest of the others.

    Found by matrix products, then measured once more from the differences, so that equal
    points are at distance 0 and equally far ones at equal distances.
    """
    k = min(k, len(others))
    distances = points.new_empty((len(points), k))
    found = torch.empty((len(points), k), dtype=torch.int64, device=points.device)
    for rows, block in Cloud(others).squared(points):
        if k == 1:
            found[rows, 0] = block.min(dim=1).indices  # quicker than argmin
        else:
            found[rows] = block.topk(k, dim=1, largest=False, sorted=False).indices
    for rows in slices(len(points), k * points.shape[1]):
        apart = points[rows, None] - others[found[rows]]  # [n, k, D]
        distances[rows], order = apart.square_().sum(dim=2).sqrt_().sort(dim=1, stable=True)
        found[rows] = found[rows].gather(1, order)
    return distances, found


def k_means(
    points: torch.Tensor, k: int, rng: np.random.Generator, rounds: int = 10
) -> torch.Tensor:
    """Centres of k clusters, [k, D]; fewer where there are fewer distinct points.

    k-means++ (Arthur and Vassilvitskii 2007), then Lloyd's rounds until the sum of squares
    falls by less than 0.2 %, which after such seeds takes few, on at most 40 k points drawn
    uniformly (FAISS takes 39 to 256 a cluster). O(rounds · n k D) time for n of these points.
    """
    drawn = rng.permutation(len(points))[: PER_CLUSTER * k]
    points = points[torch.as_tensor(drawn, device=points.device)]
    centres = _spread(points[: max(16_384, 4 * k)], k, rng)
    before = np.inf
    for _ in range(rounds):
        distances, labels = (found[:, 0] for found in nearest(points, centres))
        total = float(distances.double().square().sum())
        if total > before * (1.0 - 2e-3) or not total:
            break
        before = total
        sizes = torch.bincount(labels, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, labels, points)
        full = sizes > 0  # a cluster that lost all its points stays where it was
        centres[full] = sums[full] / sizes[full, None]
    return centres


def _spread(points: torch.Tensor, k: int, rng: np.random.Generator) -> torch.Tensor:
    """k of the points, each drawn by its squared distance to those drawn before, [≤ k, D]."""
    cloud = Cloud(points)
    chosen = [int(rng.integers(len(points)))]
    closest = torch.full((len(points),), torch.inf, device=points.device)
    while len(chosen) < k:
        norms = cloud.norms + cloud.norms[chosen[-1]]
        squared = norms - 2.0 * (cloud.points @ cloud.points[chosen[-1]])
        squared[squared < ROUNDING * norms] = 0.0  # equal points are never drawn twice
        closest = torch.minimum(closest, squared)
        mass = closest.double().cumsum(dim=0)
        if not mass[-1] > 0.0:
            break  # every point is one of those drawn
        drawn = torch.searchsorted(mass, rng.random() * mass[-1], right=True)
        chosen.append(min(int(drawn), len(points) - 1))
    return points[chosen]


def turns(groups: np.ndarray) -> np.ndarray:
    """How many of the same group stand before each: [N] → [N]."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    found = np.empty(len(groups), np.int64)
    found[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return found
