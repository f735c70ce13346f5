"""Greedy maximisation of a monotone submodular function: exact and lazy, or stochastic.

Gains only fall as more is picked, so an old gain is a bound of the new one.
"""

from __future__ import annotations

from math import ceil, log
from typing import Protocol

import numpy as np
import torch

from al.contracts import Picks
from al.strategies.ranking import certain

#: Up to here greedy is exact; beyond, gains are judged by so many samples at least.
EXACT, REFERENCE = 20_000, 10_000
#: What stochastic greedy may lose of the guarantee.
_EPSILON = 0.1


class Covered(Protocol):
    """What is labelled or picked, and what would add to it."""

    def start(self, points: torch.Tensor) -> tuple[list[int], list[float]]:
        """Picks that are made before any gain is looked at, and their gains."""

    def gains(self, candidates: torch.Tensor) -> np.ndarray:
        """By how much each candidate would raise the function: [n, D] → [n]."""

    def add(self, pick: torch.Tensor) -> None:
        """Count a sample, [D], as picked."""

    def least(self, gain: float) -> float:
        """The least gain that may be this one, differently rounded."""

    def scores(self, gains: list[float]) -> np.ndarray:
        """What is told of the gains of the picks, [n]; it falls."""


def reference(total: int, size: int, rng: np.random.Generator) -> np.ndarray | None:
    """Rows that gains are judged by, ascending; None where all are and greedy is exact."""
    if total <= EXACT:
        return None
    return np.sort(rng.choice(total, min(total, max(REFERENCE, 2 * size)), replace=False))


def greedy(points: torch.Tensor, covered: Covered, size: int, rng: np.random.Generator) -> Picks:
    """So many of the points [N, D], each that of greatest gain; ties to the lower position.

    Up to 20,000 points lazy: only bounds above the best gain are computed anew (Minoux 1978).
    Beyond, each pick is the best of N / size · ln 10 points drawn from `rng` (Mirzasoleiman et
    al. 2015, Lazier than lazy greedy).
    """
    if len(points) <= EXACT:
        return certain(*_lazy(points, covered, size))
    return Picks(*_stochastic(points, covered, size, rng))


def _lazy(points: torch.Tensor, covered: Covered, size: int) -> tuple[np.ndarray, np.ndarray]:
    positions, gains = covered.start(points)
    bounds = covered.gains(points)  # [N], never below the gain
    bounds[positions] = -np.inf
    fresh = np.ones(len(points), dtype=bool)  # whose bound is the gain
    while len(positions) < size:
        batch, least = 8, -np.inf
        while True:
            if fresh.any():
                least = covered.least(float(bounds[fresh].max()))
            stale = np.flatnonzero(~fresh & (bounds >= max(least, 0.0)))
            if not len(stale):
                break
            if len(stale) > batch:
                stale = stale[np.argpartition(-bounds[stale], batch)[:batch]]
            bounds[stale] = covered.gains(points[stale])
            fresh[stale] = True
            batch *= 2
        pick = int(np.flatnonzero(fresh & (bounds >= max(least, 0.0)))[0])
        positions.append(pick)
        gains.append(float(bounds[pick]))
        covered.add(points[pick])
        bounds[pick] = -np.inf
        fresh[:] = False
    return np.array(positions, dtype=np.int64), covered.scores(gains)


def _stochastic(
    points: torch.Tensor, covered: Covered, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    positions, gains = covered.start(points)
    left = np.delete(np.arange(len(points)), positions)  # the first `count` are not picked yet
    tries = ceil(len(points) / size * log(1.0 / _EPSILON))
    for count in range(len(left), len(points) - size, -1):
        drawn = np.unique(rng.integers(count, size=tries)) if tries < count else np.arange(count)
        found = covered.gains(points[torch.as_tensor(left[drawn], device=points.device)])
        ties = drawn[found >= covered.least(float(found.max()))]
        place = ties[left[ties].argmin()]
        positions.append(int(left[place]))
        gains.append(float(found[drawn == place][0]))
        covered.add(points[positions[-1]])
        left[place] = left[count - 1]
    return np.array(positions, dtype=np.int64), covered.scores(gains)
