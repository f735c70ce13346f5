"""The farthest point from a growing set of centres, exactly, without updating all points."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from al.strategies.geometry import check_squares, device, slices, squares

#: Points by number, or some that follow each other.
Rows = np.ndarray | slice
#: Centres that every point is compared with at the start.
_FIRST = 256
#: Points that are looked at together: at least, at most, and one of so many in the pool.
_WORKING, _MOST, _SHARE = 1024, 32_768, 128
#: Points, and centres, in one matrix product that brings points up to date.
_ROWS, _BLOCK = 256, 1024
#: How many times as many are held ready as are looked at together.
_RESERVE = 8
#: Numbers that are copied out of the pool for a round: 64 MB of float32.
_COPIED = 1 << 24
#: Points that are measured along with one that has to be, as their turn comes soon.
_AHEAD = 32


class Farthest:
    """Picks the point farthest from all centres, makes it a centre, and so on.

    A distance to the nearest of *some* centres is an upper bound of the distance to the
    nearest of all. So only the points with the largest bounds are brought up to date, by
    matrix products with the centres they have missed; among these, all picks whose distance
    exceeds every bound outside are safe.

    Products err; `slack` bounds by how much. Points nearer to each other than that
    are told apart by their differences in float64, from which equal rows get equal distances,
    so that ties are found and go to the lower id.

    Args:
        points: [N, D], float32.
        centres: to begin with, [L, D], one at least.
        most: so many picks at most.

    Raises:
        StrategyError: points are so far apart that no number holds their squared distance.
    """

    #: What products are taken in.
    precision: ClassVar = torch.float32

    def __init__(self, points: np.ndarray, centres: np.ndarray, most: int) -> None:
        number, width = points.shape
        self.raw = points
        self.centres = np.empty((len(centres) + most, width), np.float32)  # as they were given
        self.centres[: len(centres)] = centres
        self.given = self.count = len(centres)
        self.x = torch.from_numpy(points).to(device(points.size))
        # Products are taken about it: far from the origin they would be all rounding.
        self.middle = self.x[:: max(1, number // 4096)].mean(dim=0)
        known = self._about(torch.from_numpy(centres).to(self.x.device))
        self.c = known.new_empty(self.centres.shape)
        self.c2 = known.new_empty(len(self.c))
        self.c[: self.count], self.c2[: self.count] = known, squares(known)
        kind = torch.empty(0, dtype=self.precision).numpy().dtype
        self.x2 = np.empty(number, kind)
        self.bound = np.empty(number, kind)  # squared, to the centres seen
        self.seen = np.full(number, min(self.count, _FIRST), np.int32)  # so many, in their order
        self.exact = np.full(number, np.nan)  # in float64, where it was needed
        self._meet(min(self.count, _FIRST))
        widest = max(float(self.x2.max()), float(self.c2[: self.count].max()))
        check_squares(widest, self.precision)
        # A sum of D products errs by D units in the last place at most.
        self.slack = (width + 12) * torch.finfo(self.precision).eps * widest
        self.picks: list[int] = []
        self.squared: list[float] = []  # exact distance of each pick when picked, or nan
        self.size = max(_WORKING, min(_MOST // 4, number // _SHARE))
        self.reserve, self.beyond = np.empty(0, np.int64), np.inf

    def without(self, position: int) -> None:
        """Leave a point out that is a centre already."""
        self.bound[position] = -np.inf

    def run(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """So many picks, or all that there are, and the distance of each at the time."""
        count = min(count, int((self.bound >= 0.0).sum()) + len(self.picks))
        while len(self.picks) < count:
            before = len(self.picks)
            rows, outside = self._choose()
            self._among(self._update(rows, outside), outside, count)
            made = len(self.picks) - before
            if made < 32 and self.size < len(self.raw) // 4:
                self.size = min(2 * self.size, _MOST)
            elif made > 512 and self.size > _WORKING:
                self.size //= 2
        return np.array(self.picks, np.int64), np.sqrt(self._distances())

    def _meet(self, first: int) -> None:
        """Every point's norm, and its distance to the first centres."""
        for rows in slices(len(self.raw), max(first, self.x.shape[1])):
            x = self._about(self.x[rows])
            self.x2[rows] = squares(x).cpu().numpy()
            self.bound[rows] = self._lowest(rows, x, 0, first)

    def _choose(self) -> tuple[np.ndarray, float]:
        """The points with the largest bounds, and the largest bound of the others.

        They come from a reserve, as bounds only fall: what was not in it is below `beyond`.
        """
        rows, outside = self._largest(self.reserve, self.size)
        if not len(rows) or self.bound[rows].min() <= self.beyond:
            whole = np.arange(len(self.raw))
            self.reserve, self.beyond = self._largest(whole, _RESERVE * self.size)
            rows, outside = self._largest(self.reserve, self.size)
        return rows, max(outside, self.beyond)

    def _largest(self, among: np.ndarray, size: int) -> tuple[np.ndarray, float]:
        """So many points of largest bound, and all as large as their last; the next bound."""
        bound = self.bound[among]
        if size >= len(bound):
            return among[bound >= 0.0], -np.inf
        least = np.partition(bound, len(bound) - size)[len(bound) - size]
        inside = bound >= max(least - 2 * self.slack, 0.0)
        return among[inside], float(bound[~inside].max(initial=-np.inf))

    def _update(self, rows: np.ndarray, outside: float) -> np.ndarray:
        """Bring points up to date with the centres they have missed; returns those that are.

        A point whose bound falls to what is `outside` cannot be picked in this round: it is
        left where it stands.
        """
        limit = outside + 2 * self.slack
        rows = rows[np.argsort(self.seen[rows], kind="stable")]
        ready = [rows[self.seen[rows] == self.count]]
        rows = rows[: len(rows) - len(ready[0])]
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            x, bound = self._centred(part), self.bound[part]
            for first in range(int(self.seen[part[0]]), self.count, _BLOCK):
                stop = min(first + _BLOCK, self.count)
                squared = self._lowest(part, x, first, stop)
                self.exact[part[squared <= bound + 2 * self.slack]] = np.nan
                np.minimum(bound, squared, out=bound)
                self.bound[part], self.seen[part] = bound, stop
                over = bound > limit
                if over.sum() < 0.75 * len(part):  # copying rows pays when many go
                    part, bound = part[over], bound[over]
                    x = x[torch.from_numpy(over).to(x.device)]
            ready.append(part)
        found = np.concatenate(ready)
        return found[self.bound[found] > limit]

    def _among(self, rows: np.ndarray, outside: float, most: int) -> None:
        """Pick among points that are up to date, while nothing outside can be farther."""
        limit = outside + 2 * self.slack
        bound, exact = self.bound[rows], self.exact[rows]
        x = self._centred(rows) if len(rows) * self.x.shape[1] <= _COPIED else None
        picked = 0
        while len(self.picks) < most and len(rows):
            place = int(bound.argmax())
            if not bound[place] > limit:
                break
            tied = np.flatnonzero(bound >= bound[place] - 2 * self.slack)
            if len(tied) > 1:
                place = self._first(tied, rows, bound, exact)
                if exact[place] == 0.0 and outside == -np.inf:  # as are all that are left
                    rest = np.sort(rows[bound >= 0.0])[: most - len(self.picks)]
                    self.picks += rest.tolist()
                    self.squared += [0.0] * len(rest)
                    return
            new = self._append(int(rows[place]), float(exact[place]))
            squared = self._to(rows, x, new)
            near = np.flatnonzero(~np.isnan(exact))
            if len(near):
                near = near[squared[near] <= bound[near] + 2 * self.slack]
                to = np.full(len(near), new)
                exact[near] = np.minimum(exact[near], self._pairs(rows[near], to))
            np.minimum(bound, squared, out=bound)
            bound[place] = -np.inf
            picked += 1
            if picked % 16 == 0 and len(rows) > 256:
                over = bound > limit
                if 2 * np.count_nonzero(over) < len(rows):
                    self._leave(rows, bound, exact)
                    rows, bound, exact = rows[over], bound[over], exact[over]
                    x = None if x is None else x[torch.from_numpy(over).to(x.device)]
                    if x is None and len(rows) * self.x.shape[1] <= _COPIED:
                        x = self._centred(rows)
        self._leave(rows, bound, exact)

    def _leave(self, rows: np.ndarray, bound: np.ndarray, exact: np.ndarray) -> None:
        self.bound[rows], self.exact[rows], self.seen[rows] = bound, exact, self.count

    def _first(
        self, tied: np.ndarray, rows: np.ndarray, bound: np.ndarray, exact: np.ndarray
    ) -> int:
        """The farthest of some places that rounding cannot tell apart; the lower id of equals."""
        same = self.raw[rows[tied[:16]]]
        if len(tied) > 16 or (same != same[0]).any():
            unknown = tied[np.isnan(exact[tied])]
            if len(unknown):
                others = np.flatnonzero(np.isnan(exact) & (bound < bound[tied].min()))
                room = max(0, min(_AHEAD - len(unknown), len(others)))
                if room:
                    others = others[np.argpartition(-bound[others], room - 1)[:room]]
                some = np.concatenate([unknown, others[:room]])
                some = some[bound[some] >= 0.0]
                exact[some] = self._measured(rows[some], np.full(len(some), self.count))
            tied = tied[exact[tied] == exact[tied].max()]
        return int(tied[rows[tied].argmin()])

    def _append(self, row: int, squared: float) -> int:
        """Make a point a centre; its number among them."""
        self.picks.append(row)
        self.squared.append(squared)
        new = self.count
        self.centres[new] = self.raw[row]
        self.c[new], self.c2[new] = self._about(self.x[row]), float(self.x2[row])
        self.count += 1
        return new

    def _centred(self, rows: np.ndarray) -> torch.Tensor:
        return self._about(self.x[torch.from_numpy(rows).to(self.x.device)])

    def _about(self, points: torch.Tensor) -> torch.Tensor:
        return points.to(self.precision) - self.middle

    def _to(self, rows: np.ndarray, x: torch.Tensor | None, new: int) -> np.ndarray:
        """Squared distances of points to one centre; x are the points, if they were copied."""
        if x is not None:
            return self._lowest(rows, x, new, new + 1)
        parts = [rows[part] for part in slices(len(rows), self.x.shape[1])]
        return np.concatenate([self._to(part, self._centred(part), new) for part in parts])

    def _lowest(self, rows: Rows, x: torch.Tensor, first: int, stop: int) -> np.ndarray:
        """Squared distances of points to the nearest of some centres, [n]."""
        norms, centres = self.c2[first:stop], self.c[first:stop]
        if stop - first == 1:
            less = torch.addmv(norms, x, centres[0], alpha=-2.0)
        else:
            less = torch.addmm(norms, x, centres.T, alpha=-2.0).amin(dim=1)
        found: np.ndarray = less.cpu().numpy() + self.x2[rows]
        return np.maximum(found, 0.0, out=found)

    def _table(self, rows: Rows, x: torch.Tensor, stop: int) -> np.ndarray:
        """Squared distances of points to the first centres, [n, stop], but for what all of a
        row have in common."""
        less: np.ndarray = torch.addmm(self.c2[:stop], x, self.c[:stop].T, alpha=-2.0).cpu().numpy()
        return less

    def _distances(self) -> np.ndarray:
        """Squared distance of each pick to the nearest of the centres before it."""
        found = np.array(self.squared)
        for part in slices(len(found), self.count):
            open_ = np.flatnonzero(np.isnan(found[part])) + part.start
            found[open_] = self._measured(np.array(self.picks)[open_], self.given + open_)
        return found

    def _measured(self, rows: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Squared distances to the nearest of so many centres, in float64, [n]."""
        found = np.full(len(rows), np.inf)
        for part in slices(len(rows), self.count):
            last = int(before[part].max())
            x = self._centred(rows[part])
            less = self._table(rows[part], x, last)
            if before[part].min() < last:
                less[np.arange(last) >= before[part, None]] = np.inf
            point, centre = np.nonzero(less <= less.min(axis=1, keepdims=True) + 2 * self.slack)
            np.minimum.at(found[part], point, self._pairs(rows[part][point], centre))
        return found

    def _pairs(self, rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Squared distance of each point to its centre in float64, [n]."""
        found = np.empty(len(rows))
        for part in slices(len(rows), self.raw.shape[1]):
            apart = self.raw[rows[part]].astype(np.float64) - self.centres[centres[part]]
            found[part] = np.square(apart).sum(axis=1)
        return found
