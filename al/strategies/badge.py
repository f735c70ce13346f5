"""BADGE: batch active learning by diverse gradient embeddings."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.geometry import check_finite, device, slices, squares
from al.strategies.ranking import reads

#: Proposals looked at together: the first round, and the most. A constant, so that a larger
#: query begins with the smaller one.
_PROPOSALS, _MOST = 128, 1024
#: Distances held at a time when every sample's potential is brought up to date: 1 MB.
_BLOCK = 262_144
#: Squared distances below this share of ‖g‖² are rounding, not distance.
_ROUNDING = 4e-6


@strategies.register("badge")
@reads("probabilities", "embeddings")
def badge(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for a spread of samples that would each change the model much.

    k-means++ seeding over gradient embeddings g(x) = (p(x) − e_ŷ) ⊗ h(x), the gradient of the
    last layer's loss if the best guess ŷ were right: the first sample uniformly, each next in
    proportion to min_j ‖g(x) − g(x_j)‖² over those picked. The score of a pick is that
    squared distance; of the first, ‖g‖².

    Ash, Zhang, Krishnamurthy, Langford and Agarwal (2020), Deep batch active learning by
    diverse, uncertain gradient lower bounds; seeding by Arthur and Vassilvitskii (2007).
    Reads `view.probabilities` [N, C] and `view.embeddings` [N, D]. The embeddings [N, C·D]
    are never made, as ⟨g_i, g_j⟩ = ⟨a_i, a_j⟩⟨h_i, h_j⟩ with a = p − e_ŷ. O(N (C + D)) time
    once and O(r k (C + D)) for k picks and r proposals, instead of O(k N C D); O(N) memory and
    O(k (C + D)) for the picks.
    """
    search = _Seeding(view, query_size)
    positions = np.empty(query_size, np.int64)
    scores = np.empty(query_size)
    done = 0
    while done < query_size:
        for position, score in search.propose(rng)[: query_size - done]:
            positions[done], scores[done] = position, score
            done += 1
    return Picks(positions, scores)


class _Seeding:
    """k-means++ by rejection: exact draws without keeping every distance up to date.

    `stale` holds each sample's squared distance to the picks as of the last refresh, an upper
    bound of the true one. Proposing in proportion to `stale` and accepting with probability
    true/stale draws in proportion to the true distances. Distances of a block of proposals to
    the picks since the refresh come from one matrix product, and those between proposals that
    these leave from another. When the work that was rejected exceeds that of a refresh,
    everything is refreshed.
    """

    def __init__(self, view: PoolView, most: int) -> None:
        p = np.ascontiguousarray(view.probabilities, dtype=np.float32)  # [N, C]
        h = np.ascontiguousarray(view.embeddings, dtype=np.float32)  # [N, D]
        on = device(np.size(h))
        self.p, self.h = torch.from_numpy(p).to(on), torch.from_numpy(h).to(on)
        self.best = self.p.max(dim=1).indices  # [N], ŷ
        self.squared = self.h.new_empty(len(p))  # [N], ‖g‖²
        for rows in slices(len(p), max(p.shape[1], h.shape[1])):
            torch.mul(squares(self._a(rows)), squares(self.h[rows]), out=self.squared[rows])
        self.norms = self.squared.cpu().numpy().astype(np.float64)
        check_finite(view.ids, self.norms)
        self.picked_h = self.h.new_empty((most, h.shape[1]))
        self.picked_a = self.h.new_empty((most, p.shape[1]))
        self.picked_squared = self.h.new_empty(most)
        self.picked: list[int] = []
        self.free = np.ones(len(p), bool)
        self.stale = np.empty(0)
        self.cumulated = np.empty(0)
        self.since = 0  # picks that `stale` knows of
        self.rejected = 0.0  # work on proposals that came to nothing, in distances
        self.block = _PROPOSALS

    def _a(self, rows: slice | torch.Tensor) -> torch.Tensor:
        """p − e_ŷ of some rows, [n, C]."""
        found = self.p[rows].clone()
        return found.scatter_add_(1, self.best[rows, None], found.new_full((len(found), 1), -1.0))

    def propose(self, rng: np.random.Generator) -> list[tuple[int, float]]:
        """The picks, each with its score, that one block of proposals leads to."""
        if not self.picked:
            first = int(rng.integers(len(self.norms)))
            self._pick(first)
            self.stale = np.full(len(self.norms), np.inf)
            self._refresh()
            return [(first, float(self.norms[first]))]
        total = self.cumulated[-1]
        if not total > 0:  # whatever is left equals something picked: the lowest ids
            return [(position, 0.0) for position in np.flatnonzero(self.free).tolist()]
        proposed = np.searchsorted(self.cumulated, rng.random(self.block) * total, side="right")
        proposed = np.minimum(proposed, len(self.norms) - 1)
        true = self.stale[proposed]
        draws = rng.random(self.block) * true
        true[~self.free[proposed]] = 0.0
        on = torch.from_numpy(proposed).to(self.h.device)
        h, a, squared = self.h[on], self._a(on), self.squared[on]
        recent = slice(self.since, len(self.picked))
        if recent.start < recent.stop:
            np.minimum(true, self._nearest(h, a, squared, recent), out=true)
        left = np.flatnonzero(draws < true)  # the others are rejected, whatever comes before them
        proposed, true, draws = proposed[left], true[left], draws[left]
        some = torch.from_numpy(left).to(self.h.device)
        h, a, squared = h[some], a[some], squared[some]
        among = self._apart(h, a, squared, h, a, squared)
        found: list[tuple[int, float]] = []
        for place in range(len(left)):
            if draws[place] < true[place]:
                position = int(proposed[place])
                if len(self.picked) == len(self.picked_h):  # no more are wanted
                    break
                found.append((position, float(true[place])))
                self._pick(position)
                np.minimum(true, among[place], out=true)
                true[proposed == position] = 0.0
        self.rejected += (self.block - len(found)) * (recent.stop - recent.start + self.block)
        if self.rejected > len(self.norms) * (len(self.picked) - self.since):
            self._refresh()
        self.block = min(2 * self.block, _MOST)
        return found

    def _pick(self, position: int) -> None:
        place = len(self.picked)
        row = torch.tensor([position], device=self.h.device)
        self.picked_h[place], self.picked_a[place] = self.h[position], self._a(row)[0]
        self.picked_squared[place] = self.squared[position]
        self.picked.append(position)
        self.free[position] = False

    def _refresh(self) -> None:
        """Bring the potential of every sample up to date."""
        recent = slice(self.since, len(self.picked))
        rows = max(256, _BLOCK // max(1, recent.stop - recent.start))
        for start in range(0, len(self.norms), rows):
            part = slice(start, start + rows)
            nearest = self._nearest(self.h[part], self._a(part), self.squared[part], recent)
            np.minimum(self.stale[part], nearest, out=self.stale[part])
        self.stale[~self.free] = 0.0
        self.cumulated = np.cumsum(self.stale)
        self.since = len(self.picked)
        self.rejected = 0.0

    def _nearest(
        self, h: torch.Tensor, a: torch.Tensor, squared: torch.Tensor, picks: slice
    ) -> np.ndarray:
        """min_j ‖g_i − g_j‖² of some rows over some of the picks, [n]."""
        products = (h @ self.picked_h[picks].T).mul_(a @ self.picked_a[picks].T)
        less = torch.add(self.picked_squared[picks], products, alpha=-2.0).amin(dim=1)
        return _told(less.add_(squared), squared)

    def _apart(self, *sides: torch.Tensor) -> np.ndarray:
        """‖g_i − g_j‖² between rows of two sides, each its h, a and ‖g‖², [n, m]."""
        h, a, squared, others_h, others_a, others = sides
        products = (h @ others_h.T).mul_(a @ others_a.T)
        apart = torch.add(squared[:, None] + others, products, alpha=-2.0)
        return _told(apart, squared[:, None])


def _told(apart: torch.Tensor, squared: torch.Tensor) -> np.ndarray:
    """Squared distances; what float32 cannot tell from zero beside ‖g_i‖² is zero.

    What is that near to g_i is as long as it, so its own length need not be asked.
    """
    return apart.masked_fill_(apart <= _ROUNDING * squared, 0.0).cpu().numpy()
