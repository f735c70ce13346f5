"""k-center greedy, the core-set strategy."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.geometry import device, labelled_points_of, points_of, squares
from al.strategies.ranking import certain, reads, top

#: Distances in one matrix product: 8 MB of float32.
_PRODUCT = 2_097_152
#: Labelled samples that every point is compared with at the start, points whose distances
#: are brought up to date together, and centres in one matrix product.
_FIRST, _WORKING, _BLOCK = 64, 4096, 512


@strategies.register("k_center")
@reads("embeddings")
def k_center(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for what is farthest from everything labelled or already asked for.

    Greedy: pick argmax_i min_{j ∈ labelled ∪ picked} ‖h_i − h_j‖₂, repeat; ties to the lower
    id. The score of a pick is that distance at the time of the pick. Within twice the optimal
    cover radius.

    Sener and Savarese (2018), Active learning for convolutional neural networks: a core-set
    approach. Reads embeddings h [N, D], or raw features where there is no model. With nothing
    labelled, the first pick is the sample nearest to the mean, so no draw is needed.
    O((L + query_size) N D) time at worst, for most pools a part of it; a centred copy of the
    embeddings and O(N) memory besides.
    """
    points, labelled = points_of(view).numpy(), labelled_points_of(view).numpy()
    search = _Farthest(points, labelled)
    positions: list[int] = []
    distances: list[float] = []
    if not len(labelled) and len(points) and query_size:
        first, distance = search.middle()
        positions.append(first)
        distances.append(distance)
        search.add(first)
    while len(positions) < query_size:
        for position, distance in search.round(query_size - len(positions)):
            positions.append(position)
            distances.append(distance)
    return certain(np.array(positions, dtype=np.int64), np.array(distances, dtype=np.float64))


class _Farthest:
    """The farthest point from a growing set of centres, exactly, without updating all points.

    A distance to the nearest of *some* centres is an upper bound of the distance to the
    nearest of all. So only the points with the largest bounds are brought up to date, by one
    matrix product with the centres they have missed; among these, all picks whose distance
    exceeds every bound outside are safe, and their distances to each other come from one more
    product.

    Products in float32 err; `slack` bounds by how much. Points nearer to each other than that
    are told apart by their differences in float64, from which equal rows get equal distances,
    so that ties are found and go to the lower id.
    """

    def __init__(self, points: np.ndarray, labelled: np.ndarray) -> None:
        self.raw = points
        self.centres = [labelled]  # raw rows of the centres, in blocks
        self.count = len(labelled)
        on = device(points.size)
        mean = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.mean = torch.from_numpy(mean).to(on)
        self.x = torch.from_numpy(points).to(on) - self.mean  # [N, D]
        self.c = torch.from_numpy(labelled).to(on) - self.mean  # [K, D]
        self.x2, self.c2 = squares(self.x), squares(self.c)
        widest = max(float(s.max()) if len(s) else 0.0 for s in (self.x2, self.c2))
        # A sum of D products of float32 errs by D units in the last place at most.
        self.slack = (2 * points.shape[1] + 24) * 2.0**-24 * widest
        number = len(points)
        self.bound = np.full(number, np.inf, np.float32)  # squared, to the centres seen
        self.near = np.zeros(number, np.int64)  # which centre that was
        self.close = np.zeros(number, bool)  # whether another was as near, within the slack
        self.exact = np.full(number, np.nan)  # float64, where it was needed
        self.seen = np.zeros(number, np.int64)
        self.picked = np.zeros(number, bool)
        if self.count:  # any subset gives bounds; an even one gives good ones
            step = max(1, self.count // _FIRST)
            self._see(np.arange(number), self.x, self.x2, np.arange(0, self.count, step))

    def middle(self) -> tuple[int, float]:
        """The point nearest to the mean, and its distance."""
        mean = self.raw.mean(axis=0, dtype=np.float64)
        parts = np.array_split(self.raw, -(-len(self.raw) // 4096))
        squared = np.concatenate([np.square(part - mean).sum(axis=1) for part in parts])
        first = int(squared.argmin())
        return first, float(np.sqrt(squared[first]))

    def add(self, position: int) -> None:
        """Make a point a centre, and tell every point that knows all the others."""
        self._append(np.array([position]))
        ready = np.flatnonzero(self.seen == self.count - 1)
        x, x2 = (self.x, self.x2) if len(ready) == len(self.raw) else self._rows(ready)
        self._see(ready, x, x2, np.array([self.count - 1]))
        self.seen[ready] = self.count
        self.picked[position] = True
        self.bound[position] = -np.inf

    def round(self, most: int) -> list[tuple[int, float]]:
        """At least one pick, with its distance, and as many more as are safe."""
        left = np.flatnonzero(~self.picked)
        size = _WORKING
        while True:
            chosen = left[np.sort(top(self.bound[left], min(size, len(left))))]
            rest = left if size < len(left) else left[:0]
            outside = self._outside(rest, chosen)
            chosen = self._update(chosen, outside)
            safe = chosen[self.bound[chosen] > outside + 2 * self.slack]
            if len(safe) or not len(rest):
                break
            size *= 4  # a crowd of near-ties: look at more of them
        if not len(rest):
            safe = chosen
        if len(safe) > _WORKING:  # too many to hold their distances: pick one among them all
            return [self._one(safe)]
        return self._among(safe, outside, most)

    def _one(self, safe: np.ndarray) -> tuple[int, float]:
        """The farthest of points that are up to date, where these are very many."""
        tied = safe[self.bound[safe] >= self.bound[safe].max() - 2 * self.slack]
        exact = np.array([self._exactly(row) for row in tied])
        pick = int(tied[exact.argmax()])
        self.add(pick)
        return pick, float(np.sqrt(exact.max()))

    def _outside(self, rest: np.ndarray, chosen: np.ndarray) -> float:
        """The largest bound of the points that were not chosen; −inf if there are none."""
        if not len(rest):
            return -np.inf
        inside = np.zeros(len(self.raw), bool)
        inside[chosen] = True
        return float(self.bound[rest[~inside[rest]]].max())

    def _among(self, safe: np.ndarray, outside: float, most: int) -> list[tuple[int, float]]:
        """Pick greedily among points that are up to date, while nothing outside can be farther."""
        rows = torch.from_numpy(safe).to(self.x.device)
        between = self._products(self.x[rows], self.x2[rows], self.x[rows], self.x2[rows])
        apart = between.cpu().numpy()  # [S, S]
        before = self.count
        bound = self.bound[safe]
        found: list[tuple[int, float]] = []
        picks: list[int] = []
        while len(found) < most:
            highest = float(bound.max())
            if highest <= outside + 2 * self.slack:
                break
            tied = np.flatnonzero(bound >= highest - 2 * self.slack)
            exact = [self._exactly(safe[place]) for place in tied]
            place = int(tied[int(np.argmax(exact))])
            squared = max(exact)
            found.append((int(safe[place]), float(np.sqrt(squared))))
            picks.append(place)
            self.picked[safe[place]] = True
            self._append(safe[place : place + 1])
            newest = np.full(len(safe), self.count - 1)
            self._lower(safe, apart[place], newest, np.zeros(len(safe), bool))
            bound = self.bound[safe]
            bound[picks] = -np.inf
            if len(picks) == len(safe):
                break
        self.seen[safe] = self.count
        self.bound[safe[picks]] = -np.inf
        assert self.count == before + len(found)
        return found

    def _update(self, rows: np.ndarray, outside: float) -> np.ndarray:
        """Bring points up to date with the centres they have missed; returns those that are.

        A point whose bound falls to what is `outside` cannot be picked in this round: it is
        left where it stands.
        """
        limit = outside + 2 * self.slack
        for start in np.unique(self.seen[rows]):
            part = rows[self.seen[rows] == start]
            x, x2 = self._rows(part)
            for first in range(start, self.count, _BLOCK):
                stop = min(first + _BLOCK, self.count)
                self._see(part, x, x2, np.arange(first, stop))
                self.seen[part] = stop
                over = self.bound[part] > limit
                if over.sum() < 0.9 * len(part):  # copying rows pays when many go
                    part = part[over]
                    x, x2 = self._rows(part)
        return rows[self.seen[rows] == self.count]

    def _rows(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        on = torch.from_numpy(rows).to(self.x.device)
        return self.x[on], self.x2[on]

    def _see(
        self, rows: np.ndarray, x: torch.Tensor, x2: torch.Tensor, centres: np.ndarray
    ) -> None:
        """Lower the bounds of points x by some of the centres."""
        among = torch.from_numpy(centres).to(self.c.device)
        c, c2 = self.c[among], self.c2[among]
        step = max(1, _PRODUCT // len(centres))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            less = torch.addmm(c2, x[part], c.T, alpha=-2.0)  # [n, K], squared less ‖x‖²
            smallest, which = less.min(dim=1)
            next_one = less.scatter_(1, which[:, None], torch.inf).amin(dim=1)
            crowd = next_one <= smallest + 2 * self.slack
            nearest = (smallest + x2[part]).clamp_(min=0.0)
            at = centres[which.cpu().numpy()]
            self._lower(rows[part], nearest.cpu().numpy(), at, crowd.cpu().numpy())

    def _lower(
        self,
        rows: np.ndarray,
        squared: np.ndarray,
        centre: np.ndarray,
        crowd: np.ndarray,
    ) -> None:
        """Take over new distances where they are the smaller ones, and note what is unclear."""
        matters = squared <= self.bound[rows] + 2 * self.slack
        rows, squared, centre, crowd = (a[matters] for a in (rows, squared, centre, crowd))
        old = self.bound[rows]
        unclear = np.abs(squared - old) <= 2 * self.slack
        nearer = squared < old
        known = ~np.isnan(self.exact[rows])
        for place in np.flatnonzero(unclear & known & ~crowd):
            row = rows[place]
            self.exact[row] = min(self.exact[row], self._squared(row, centre[place]))
        kept = unclear & known & ~crowd
        changed = (nearer | unclear) & ~kept
        self.exact[rows[changed]] = np.nan
        clearly = nearer & ~unclear
        self.close[rows] = np.where(clearly, crowd, self.close[rows] | unclear)
        self.near[rows] = np.where(nearer, centre, self.near[rows])
        self.bound[rows] = np.minimum(old, squared)

    def _exactly(self, row: int) -> float:
        """The squared distance of an up-to-date point to its nearest centre, in float64."""
        if np.isnan(self.exact[row]):
            if self.close[row]:
                on = self.x[row : row + 1]
                c, c2 = self.c[: self.count], self.c2[: self.count]
                squared = self._products(on, self.x2[row : row + 1], c, c2)[0]
                near = np.flatnonzero(squared.cpu().numpy() <= self.bound[row] + 2 * self.slack)
            else:
                near = self.near[row : row + 1]
            self.exact[row] = min(self._squared(row, int(centre)) for centre in near)
        return float(self.exact[row])

    def _squared(self, row: int, centre: int) -> float:
        difference = self.raw[row].astype(np.float64) - self._centre(centre)
        return float(np.square(difference).sum())

    def _centre(self, number: int) -> np.ndarray:
        if number < len(self.centres[0]):
            return self.centres[0][number]
        return self.centres[1 + number - len(self.centres[0])]

    def _append(self, positions: np.ndarray) -> None:
        for position in positions:
            self.centres.append(self.raw[position])
        rows = torch.from_numpy(positions).to(self.x.device)
        if self.count + len(positions) > len(self.c):  # grow by doubling
            more = max(len(self.c), 1024)
            self.c = torch.cat([self.c, self.c.new_empty(more, self.c.shape[1])])
            self.c2 = torch.cat([self.c2, self.c2.new_empty(more)])
        self.c[self.count : self.count + len(positions)] = self.x[rows]
        self.c2[self.count : self.count + len(positions)] = self.x2[rows]
        self.count += len(positions)

    @staticmethod
    def _products(
        a: torch.Tensor, a2: torch.Tensor, b: torch.Tensor, b2: torch.Tensor
    ) -> torch.Tensor:
        """Squared distances [A, B] by ‖a‖² + ‖b‖² − 2 ⟨a, b⟩, never below zero."""
        return torch.addmm(b2, a, b.T, alpha=-2.0).add_(a2[:, None]).clamp_(min=0.0)
