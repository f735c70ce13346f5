"""Lazy greedy maximisation of a monotone submodular function, of a large pool over some of it.

Gains only fall as more is picked, so an old gain is a bound of the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch

from al.contracts import Picks
from al.strategies.geometry import slices
from al.strategies.ranking import certain

#: Up to here greedy is exact; beyond, gains are judged by so many samples at least.
EXACT, REFERENCE = 20_000, 10_000
#: Beyond, so many candidates and reference samples for each pick, where that makes more.
_CANDIDATES, _REFERENCES = 8, 4
#: Numbers of rows that are held: 256 MB of float32.
_HELD = 1 << 26
#: Rows that are computed together.
_AHEAD = 48


class Covered(Protocol):
    """What is labelled or picked, and what would add to it."""

    def start(self, points: torch.Tensor) -> tuple[list[int], list[float]]:
        """Picks that are made before any gain is looked at, and their gains."""

    @property
    def width(self) -> int:
        """R, ground samples that gains are judged by."""

    def rows(self, candidates: torch.Tensor) -> torch.Tensor:
        """What each candidate is to each ground sample, whatever is picked: [n, D] → [n, R]."""

    def gains(self, rows: torch.Tensor) -> np.ndarray:
        """By how much candidates would raise the function, from their rows: [n, R] → [n]."""

    def add(self, row: torch.Tensor) -> None:
        """Count a sample as picked, from its row, [R]."""

    def least(self, gain: float) -> float:
        """The least gain that may be this one, differently rounded."""

    def scores(self, gains: list[float]) -> np.ndarray:
        """The gains of the picks as they are reported, [n], descending."""


def reference(total: int, size: int, rng: np.random.Generator) -> np.ndarray | None:
    """Rows that gains are judged by, ascending; None where all are and greedy is exact."""
    if total <= EXACT:
        return None
    return np.sort(rng.choice(total, min(total, max(REFERENCE, _REFERENCES * size)), replace=False))


def greedy(
    points: torch.Tensor,
    covered: Covered,
    size: int,
    rng: np.random.Generator,
    ready: Callable[[torch.Tensor], torch.Tensor] = lambda candidates: candidates,
) -> Picks:
    """So many of the points [N, D], each that of greatest gain; ties to the lower position.

    Lazy: only bounds above the best gain are computed anew (Minoux 1978). Up to 20,000 points
    all are candidates; beyond, max(20,000, 8 size) of them drawn from `rng`.

    Args:
        ready: makes of the candidates what `covered` takes; the whole of a large pool never is.
    """
    count = max(EXACT, _CANDIDATES * size)
    if len(points) <= EXACT:
        return certain(*_lazy(ready(points), covered, size))
    rows = np.sort(rng.choice(len(points), min(len(points), count), replace=False))
    some = points[torch.as_tensor(rows, device=points.device)]
    positions, scores = _lazy(ready(some), covered, size)
    return Picks(rows[positions], scores)


def _lazy(points: torch.Tensor, covered: Covered, size: int) -> tuple[np.ndarray, np.ndarray]:
    positions, gains = covered.start(points)
    bounds = np.empty(len(points))  # never below the gain
    for part in slices(len(points), covered.width):
        bounds[part] = covered.gains(covered.rows(points[part]))
    bounds[positions] = -np.inf
    fresh = np.ones(len(points), dtype=bool)  # whose bound is the gain
    known = _Known(points, covered)
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
            bounds[stale] = covered.gains(known.rows(stale, bounds))
            fresh[stale] = True
            batch = min(2 * batch, known.most)
        pick = int(np.flatnonzero(fresh & (bounds >= max(least, 0.0)))[0])
        positions.append(pick)
        gains.append(float(bounds[pick]))
        covered.add(known.rows(np.array([pick]), bounds)[0])
        bounds[pick] = -np.inf
        fresh[:] = False
    return np.array(positions, dtype=np.int64), covered.scores(gains)


class _Known:
    """Rows that were computed before, as many as are held: the same few come again and again.

    Attributes:
        most: so many can be asked for together.
    """

    def __init__(self, points: torch.Tensor, covered: Covered) -> None:
        self._points, self._covered = points, covered
        held = min(len(points), max(_HELD // covered.width, 64))
        self.most = max(1, min(512, held // 4))
        self._table = points.new_empty((held, covered.width))
        self._owner = np.full(held, -1)  # whose row each is
        self._place = np.full(len(points), -1)  # where each one's row is
        self._next = 0  # written over next, as it was longest ago

    def rows(self, wanted: np.ndarray, bounds: np.ndarray) -> torch.Tensor:
        """The rows of some points, [n, R].

        Where one has to be computed, those of the next largest bounds [N] are too, as their
        turn comes soon: for few, reading all that they are compared with takes the time.
        """
        missing = wanted[self._place[wanted] < 0]
        if len(missing):
            room = min(_AHEAD, self.most) - len(missing)
            others = np.where(self._place < 0, bounds, -np.inf)
            others[missing] = -np.inf
            if 0 < room < len(others):
                ahead = np.argpartition(-others, room - 1)[:room]
                missing = np.concatenate([missing, ahead[others[ahead] > -np.inf]])
            places = (self._next + np.arange(len(self._owner))) % len(self._owner)
            asked = np.isin(self._owner[places], wanted)
            places = places[~asked][: len(missing)]
            self._next = int(places[-1]) + 1
            gone = self._owner[places]
            self._place[gone[gone >= 0]] = -1
            self._owner[places], self._place[missing] = missing, places
            on = self._points.device
            some = self._points[torch.as_tensor(missing, device=on)]
            self._table[torch.as_tensor(places, device=on)] = self._covered.rows(some)
        return self._table[torch.as_tensor(self._place[wanted], device=self._table.device)]
