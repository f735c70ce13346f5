"""ProbCover."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError
from al.strategies.clusters import k_means
from al.strategies.geometry import Cloud, labelled_points_of, nearest, points_of, slices
from al.strategies.ranking import certain, reads, top

#: Up to here every sample stands for itself.
EXACT = 20_000
#: The share of balls that must hold one pseudo-label only.
_PURE = 0.95


@strategies.register("prob_cover")
@reads("embeddings")
def prob_cover(
    view: PoolView, query_size: int, rng: np.random.Generator, *, radius: float = 0.0
) -> Picks:
    """Asks for the samples whose neighbourhoods cover most of what no label covers yet.

    Greedy maximum cover: with B(i) = {j : ‖h_i − h_j‖₂ < δ} over h [N, D], pick
    argmax_i |B(i) \\ ⋃_{j ∈ labelled ∪ picked} B(j)|, repeat; ties to the lower position. The
    score is that number over N; it falls. Within 1 − 1/e of the best cover. When everything
    is covered, the samples with the largest B(i) follow with score 0.

    δ is `radius`; with radius 0 it is the largest for which at least 95 % of the balls are
    pure, that is, hold one pseudo-label only, pseudo-labels being the clusters of k-means
    with as many clusters as classes (10 where there are none). A ball is pure until δ passes
    the nearest sample of another cluster, so δ is the 5 % quantile of these distances.

    Yehuda, Dekel, Hacohen and Weinshall (2022), Active learning through a covering lens. The
    authors' embeddings have length 1; these are taken as they are. Reads embeddings, or raw
    features where there is no model. Beyond 20,000 samples the pool is represented, as ground
    set and as candidates, by n = max(20,000, 4 query_size) samples drawn uniformly.
    O(n² D) time. Which ball holds whom is kept as one bit a pair, n² / 8 bytes (50 MB at
    20,000): lists of neighbours would have no bound where a ball holds much of the pool.

    Raises:
        ConfigError: the radius is negative.
    """
    points, labelled = points_of(view), labelled_points_of(view)
    size = min(query_size, len(points))
    rows = np.arange(len(points))
    if len(points) > EXACT:
        drawn = rng.choice(len(points), min(len(points), max(EXACT, 4 * size)), replace=False)
        rows = np.sort(drawn)
        points = points[torch.as_tensor(rows, device=points.device)]
    cloud = Cloud(points)
    delta = radius or _purest(points, cloud, len(view.classes) or 10, rng)
    bound = delta**2 * (1.0 - 1e-5)  # exactly δ away is outside, whichever way it is rounded
    uncovered = np.ones(len(points), dtype=bool)
    if len(labelled):
        uncovered = (nearest(points, labelled)[0][:, 0].square() >= bound).cpu().numpy()
    picked, scores = _greedy(*_balls(cloud, bound), uncovered, size)
    if radius and len(rows) == len(view.ids):
        return certain(rows[picked], scores)
    return Picks(rows[picked], scores, why=f"δ = {delta:.4g}")


def _check(*, radius: float = 0.0) -> None:
    if not radius >= 0.0:
        raise ConfigError(f"radius={radius} is not a distance: give one above 0, or 0 to choose it")


prob_cover.check = _check


def _purest(points: torch.Tensor, cloud: Cloud, clusters: int, rng: np.random.Generator) -> float:
    """The largest δ at which enough balls hold one cluster only."""
    labels = nearest(points, k_means(points, clusters, rng))[1][:, 0]
    # To the nearest of another cluster; each pair is looked at once.
    other = torch.full((len(points),), torch.inf, device=points.device)
    for part, block in _pairs(cloud):
        after = slice(part.start, len(points))
        block.masked_fill_(labels[part, None] == labels[after], torch.inf)
        other[part] = torch.minimum(other[part], block.amin(dim=1))
        other[after] = torch.minimum(other[after], block.amin(dim=0))
    impure = int((1.0 - _PURE) * len(points) + 1e-9)  # so many may be
    return float(other.sort().values[impure].sqrt())


def _pairs(cloud: Cloud) -> Iterator[tuple[slice, torch.Tensor]]:
    """Squared distances of some points to themselves and all that follow, [n, n + …].

    Blocks begin at a multiple of eight, where bits make whole bytes.
    """
    x, norms = cloud.points, cloud.norms
    step = max(8, next(slices(len(x), max(x.shape))).stop // 8 * 8)
    for start in range(0, len(x), step):
        part, after = slice(start, min(start + step, len(x))), slice(start, len(x))
        block = torch.addmm(norms[after], x[part], x[after].T, alpha=-2.0)
        yield part, block.add_(norms[part, None]).clamp_min_(0.0)


def _balls(cloud: Cloud, bound: float) -> tuple[np.ndarray, np.ndarray]:
    """Bit i of row j says that i's ball holds j, [n, n / 8]; and the sizes of balls, [n]."""
    count = len(cloud.points)
    bits = np.empty((count, (count + 7) // 8), np.uint8)
    sizes = np.zeros(count, np.int64)
    for part, block in _pairs(cloud):
        inside = (block < bound).cpu().numpy()
        rows = np.arange(len(inside))
        inside[rows, rows] = True  # whatever δ
        start, stop = part.start, part.stop
        bits[part, start // 8 :] = np.packbits(inside, axis=1)
        later = np.ascontiguousarray(inside[:, len(inside) :].T)
        bits[stop:, start // 8 : (stop + 7) // 8] = np.packbits(later, axis=1)
        sizes[part] += inside.sum(axis=1)
        sizes[stop:] += inside[:, len(inside) :].sum(axis=0)
    return bits, sizes


def _greedy(
    bits: np.ndarray, sizes: np.ndarray, uncovered: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and the share each newly covers."""
    count = len(sizes)
    gains = sizes - _holders(bits, np.flatnonzero(~uncovered))  # what each would newly cover
    picked: list[int] = []
    scores: list[float] = []
    while len(picked) < size:
        pick = int(gains.argmax())
        if gains[pick] < 1:
            break
        picked.append(pick)
        scores.append(gains[pick] / count)
        ball = bits[:, pick // 8] >> (7 - pick % 8) & 1
        newly = np.flatnonzero(uncovered & (ball > 0))
        uncovered[newly] = False
        gains -= _holders(bits, newly)  # each sample is newly covered once: n² bits in all
    sizes[picked] = -1
    more = top(sizes, size - len(picked)) if len(picked) < size else np.empty(0, np.int64)
    found = np.concatenate([np.array(picked, np.int64), more])
    return found, np.concatenate([np.array(scores), np.zeros(len(more))])


def _holders(bits: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How many of the rows each ball holds, [n]."""
    found = np.zeros(len(bits), np.int64)
    for part in slices(len(rows), len(bits)):
        held = np.unpackbits(bits[rows[part]], axis=1, count=len(bits))
        found += held.sum(axis=0, dtype=np.int64)
    return found
