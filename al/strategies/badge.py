"""BADGE: batch active learning by diverse gradient embeddings."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.geometry import check_finite, device, squares
from al.strategies.ranking import reads

#: Proposals looked at together: the first round, and the most. A constant, so that a larger
#: query begins with the smaller one.
_PROPOSALS, _MOST = 128, 1024
#: Numbers in one block of distances when every sample's potential is brought up to date.
_BLOCK = 8_388_608


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
    once and O(r k (C + D)) for k picks and r proposals, instead of O(k N C D); a copy of the
    probabilities and O(N) memory besides.
    """
    search = _Seeding(view)
    positions = np.empty(query_size, np.int64)
    scores = np.empty(query_size)
    done = 0
    while done < query_size:
        for position, score in search.propose(rng):
            positions[done], scores[done] = position, score
            done += 1
            if done == query_size:
                break
    return Picks(positions, scores)


class _Seeding:
    """k-means++ by rejection: exact draws without keeping every distance up to date.

    `stale` holds each sample's squared distance to the picks as of the last refresh, an upper
    bound of the true one. Proposing in proportion to `stale` and accepting with probability
    true/stale draws in proportion to the true distances. All distances among a block of
    proposals, and to the picks since the refresh, come from one matrix product. When the
    work that was rejected exceeds that of a refresh, everything is refreshed.
    """

    def __init__(self, view: PoolView) -> None:
        p = view.probabilities  # [N, C]
        h = view.embeddings  # [N, D]
        a = np.array(p, dtype=np.float32)
        a[np.arange(len(p)), p.argmax(axis=1)] -= 1.0
        on = device(np.size(h))
        self.a = torch.from_numpy(a).to(on)
        self.h = torch.from_numpy(np.ascontiguousarray(h, dtype=np.float32)).to(on)
        self.squared = squares(self.a) * squares(self.h)  # [N], ‖g‖²
        self.norms = self.squared.cpu().numpy().astype(np.float64)
        check_finite(view.ids, self.norms)
        self.picked: list[int] = []
        self.free = np.ones(len(p), bool)
        self.stale = np.empty(0)
        self.cumulated = np.empty(0)
        self.since = 0  # picks that `stale` knows of
        self.rejected = 0.0  # work on proposals that came to nothing, in distances
        self.block = _PROPOSALS

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
        draws = rng.random(self.block) * self.stale[proposed]
        recent = np.array(self.picked[self.since :], dtype=np.int64)
        against = np.concatenate([recent, proposed])
        apart = self._distances(proposed, against)
        among = apart[:, len(recent) :]
        true = self.stale[proposed]
        if len(recent):
            true = np.minimum(true, apart[:, : len(recent)].min(axis=1))
        true[~self.free[proposed]] = 0.0
        found: list[tuple[int, float]] = []
        start = 0
        while True:  # jump from one accepted proposal to the next
            accepted = np.flatnonzero(draws[start:] < true[start:])
            if not len(accepted):
                break
            place = start + int(accepted[0])
            position = int(proposed[place])
            found.append((position, float(true[place])))
            self._pick(position)
            np.minimum(true, among[place], out=true)
            true[proposed == position] = 0.0
            start = place + 1
        self.rejected += (self.block - len(found)) * (len(recent) + self.block)
        if self.rejected > len(self.norms) * (len(self.picked) - self.since):
            self._refresh()
        self.block = min(2 * self.block, _MOST)
        return found

    def _pick(self, position: int) -> None:
        self.picked.append(position)
        self.free[position] = False

    def _refresh(self) -> None:
        """Bring the potential of every sample up to date."""
        recent = np.array(self.picked[self.since :], dtype=np.int64)
        rows = max(1, _BLOCK // max(1, len(recent)))
        for start in range(0, len(self.norms), rows):
            part = slice(start, start + rows)
            nearest = self._distances(part, recent).min(axis=1)
            np.minimum(self.stale[part], nearest, out=self.stale[part])
        self.stale[~self.free] = 0.0
        self.cumulated = np.cumsum(self.stale)
        self.since = len(self.picked)
        self.rejected = 0.0

    def _distances(self, rows: np.ndarray | slice, others: np.ndarray) -> np.ndarray:
        """‖g_i − g_j‖² [R, O]; what is too small for float32 to tell from zero is zero."""
        products = (self.h[rows] @ self.h[others].T).mul_(self.a[rows] @ self.a[others].T)
        scale = self.squared[rows, None] + self.squared[others]
        apart = torch.add(scale, products, alpha=-2.0)
        return apart.masked_fill_(apart <= scale.mul_(2e-6), 0.0).cpu().numpy()
