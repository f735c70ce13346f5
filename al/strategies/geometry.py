"""Distances and neighbours of many points, in blocks that stay near the cache.

Points are tensors [N, D] on whatever device, float32 unless stated otherwise; nothing here
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
#: Numbers below whose squares float32 holds, and the sums of many of them.
_LARGE = 1e15
#: Squared distances below this share of the squared norms are rounding, not distance.
ROUNDING = 1e-6


def points_of(view: PoolView) -> torch.Tensor:
    """Where the pool lies, [N, D]: embeddings, or raw features where there is no model.

    Raises:
        StrategyError: a number is not finite, which names the samples, or too large.
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
    if found.size and max(-float(found.min()), float(found.max())) > _LARGE:
        for rows in slices(len(found), found.shape[1]):
            squared = np.square(found[rows], dtype=np.float64).sum(axis=1)
            check_squares(float(squared.max()), torch.float32)
    return torch.from_numpy(found if found.flags.writeable else found.copy())


def check_finite(
    ids: Sequence[str],
    points: np.ndarray,
    what: str = "lie nowhere, their embeddings or features are",
) -> None:
    """Refuse numbers that are not finite.

    Args:
        what: says of samples what is not finite.

    Raises:
        StrategyError: names the samples.
    """
    if not points.size:
        return
    flat = points.reshape(len(points), -1)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = flat @ np.ones(flat.shape[1], flat.dtype)  # a sum is finite only of such numbers
    if np.isfinite(sums).all():
        return
    bad = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    if len(bad):
        some = ", ".join(ids[i] for i in bad[:3])
        raise StrategyError(
            f"{len(bad)} samples {what} not finite ({some}): check these samples and the model"
        )


def check_squares(largest: float, precision: torch.dtype) -> None:
    """Refuse points whose squared distances would be infinite, by the largest of their ‖x‖².

    Raises:
        StrategyError: they would.
    """
    if not 8.0 * largest < torch.finfo(precision).max:  # a distance is twice as much, squared 4
        raise StrategyError(
            "embeddings or features are too large: no number holds the squared distances between "
            "samples; bring them to one scale"
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


def turns(groups: np.ndarray) -> np.ndarray:
    """How many of the same group stand before each: [N] → [N]."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    found = np.empty(len(groups), np.int64)
    found[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return found
