"""k-means++ over many points, by rejection: no pass over all of them for each pick."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch

#: Proposals looked at together: the first round, and the most. A constant, so that a larger
#: query begins with the smaller one.
_PROPOSALS, _MOST = 128, 1024
#: The share of a pool that is usually asked for, and picks from which on that is a reason.
_USUAL, _SINCE = 0.01, 64
#: Distances held at a time when every point's potential is brought up to date: 1 MB.
_BLOCK = 262_144

#: What is known of some points: tensors with a row each.
Side = tuple[torch.Tensor, ...]


class Seeding(ABC):
    """Draws each next point in proportion to its squared distance to the nearest drawn before.

    `stale` holds each point's squared distance to the picks as of the last refresh, an upper
    bound of the true one. Proposing in proportion to `stale` and accepting with probability
    true/stale draws in proportion to the true distances. Distances of a block of proposals to
    the picks since the refresh come from one matrix product, and those between proposals that
    these leave from another. When the work that was rejected exceeds that of a refresh, or
    soon would, everything is refreshed.

    Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding.

    Args:
        count: points that there are.
        most: so many picks at most.
    """

    def __init__(self, count: int, most: int) -> None:
        self._most = most
        self.picked: list[int] = []
        self.free = np.ones(count, bool)
        self.stale = np.full(count, np.inf)
        self.cumulated = np.empty(0)
        self.since = 0  # picks that `stale` knows of
        self.rejected = 0.0  # work on proposals that came to nothing, in distances
        self.block = _PROPOSALS

    @abstractmethod
    def side(self, rows: slice | torch.Tensor) -> Side:
        """What distances of some points are computed from."""

    @abstractmethod
    def keep(self, places: slice, side: Side) -> None:
        """Hold picks for distances to them."""

    @abstractmethod
    def nearest(self, side: Side, picks: slice) -> np.ndarray:
        """Squared distance of points to the nearest of some picks, [n]."""

    @abstractmethod
    def apart(self, side: Side) -> np.ndarray:
        """Squared distances between points, [n, n]; of equal ones 0."""

    def draw(self, rng: np.random.Generator) -> list[tuple[int, float]]:
        """Some picks more, each with its squared distance; none where all others equal a pick.

        The first is drawn uniformly, and its distance is infinite.
        """
        if not self.picked:
            first = int(rng.integers(len(self.free)))
            self._pick([first], self.side(torch.tensor([first])))
            self._refresh()
            return [(first, np.inf)]
        while len(self.picked) < self._most and self.cumulated[-1] > 0:
            if found := self._accepted(rng):
                return found
            # All were rejected: what was picked since the refresh has most of the potential that
            # is known, as outliers do, or copies of one sample. That says nothing of the others.
            if self.since == len(self.picked):
                break  # what is known is the truth: distances beyond what numbers reach
            self._refresh()
        return []

    def _accepted(self, rng: np.random.Generator) -> list[tuple[int, float]]:
        """What is accepted of a block of proposals; never nothing right after a refresh."""
        total = self.cumulated[-1]
        proposed = np.searchsorted(self.cumulated, rng.random(self.block) * total, side="right")
        proposed = np.minimum(proposed, len(self.free) - 1)
        true = self.stale[proposed]
        draws = rng.random(self.block) * true
        true[~self.free[proposed]] = 0.0
        side = self.side(torch.from_numpy(proposed))
        recent = slice(self.since, len(self.picked))
        if recent.start < recent.stop:
            np.minimum(true, self.nearest(side, recent), out=true)
        left = np.flatnonzero(draws < true)  # the others are rejected, whatever comes before them
        proposed, true, draws = proposed[left], true[left], draws[left]
        side = _some(side, left)
        among = self.apart(side)
        found: list[tuple[int, float]] = []
        accepted: list[int] = []
        for place in range(len(left)):
            if draws[place] < true[place] and len(self.picked) + len(found) < self._most:
                position = int(proposed[place])
                found.append((position, float(true[place])))
                accepted.append(place)
                np.minimum(true, among[place], out=true)
                true[proposed == position] = 0.0
        if found:
            self._pick([position for position, _ in found], _some(side, np.array(accepted)))
        self.rejected += (self.block - len(found)) * (recent.stop - recent.start + self.block)
        if self._pays(len(found) / self.block):
            self._refresh()
        self.block = min(2 * self.block, _MOST)
        return found

    def _pays(self, share: float) -> bool:
        """Whether to refresh, by the share of a block that was accepted.

        That is when as much work came to nothing as it takes, or when more would until so many
        are picked as a query usually asks for. How many this one asks for must not matter: a
        larger one begins with the smaller one.
        """
        count, since = len(self.free), len(self.picked) - self.since
        if self.rejected > count * since:
            return True
        ahead = _USUAL * count - len(self.picked)
        lost = ahead * (1.0 / max(share, 0.5 / self.block) - 1.0)
        return ahead > 0 and since >= _SINCE and lost * (since + ahead / 2) > count * since

    def _pick(self, positions: list[int], side: Side) -> None:
        before = len(self.picked)
        self.keep(slice(before, before + len(positions)), side)
        self.picked += positions
        self.free[positions] = False

    def _refresh(self) -> None:
        """Bring the potential of every point up to date."""
        recent = slice(self.since, len(self.picked))
        rows = max(256, _BLOCK // max(1, recent.stop - recent.start))
        for start in range(0, len(self.free), rows):
            part = slice(start, start + rows)
            nearest = self.nearest(self.side(part), recent)
            np.minimum(self.stale[part], nearest, out=self.stale[part])
        self.stale[~self.free] = 0.0
        self.cumulated = np.cumsum(self.stale)
        self.since = len(self.picked)
        self.rejected = 0.0


def _some(side: Side, rows: np.ndarray) -> Side:
    return tuple(part[torch.from_numpy(rows).to(part.device)] for part in side)
