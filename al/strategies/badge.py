"""BADGE: batch active learning by diverse gradient embeddings."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.geometry import check_finite, device, slices, squares
from al.strategies.ranking import reads
from al.strategies.seeding import Seeding, Side

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
    search = _Gradients(view, query_size)
    positions = np.empty(query_size, np.int64)
    scores = np.empty(query_size)
    done = 0
    while done < query_size:
        found = search.draw(rng)
        if not found:  # whatever is left equals something picked: the lowest ids
            positions[done:] = np.flatnonzero(search.free)[: query_size - done]
            scores[done:] = 0.0
            break
        for position, score in found:
            positions[done], scores[done] = position, score
            done += 1
    scores[:1] = [float(search.squared[position]) for position in positions[:1]]
    return Picks(positions, scores)


class _Gradients(Seeding):
    """k-means++ over gradient embeddings, from a = p − e_ŷ and h."""

    def __init__(self, view: PoolView, most: int) -> None:
        p = np.ascontiguousarray(view.probabilities, dtype=np.float32)  # [N, C]
        h = np.ascontiguousarray(view.embeddings, dtype=np.float32)  # [N, D]
        super().__init__(len(p), most)
        on = device(np.size(h))
        self.p, self.h = torch.from_numpy(p).to(on), torch.from_numpy(h).to(on)
        self.best = self.p.max(dim=1).indices  # [N], ŷ
        self.squared = self.h.new_empty(len(p))  # [N], ‖g‖²
        for rows in slices(len(p), max(p.shape[1], h.shape[1])):
            torch.mul(squares(self._a(rows)), squares(self.h[rows]), out=self.squared[rows])
        check_finite(view.ids, self.squared.cpu().numpy())
        self.held = tuple(
            self.h.new_empty(shape) for shape in ((most, h.shape[1]), (most, p.shape[1]), (most,))
        )

    def _a(self, rows: slice | torch.Tensor) -> torch.Tensor:
        """p − e_ŷ of some rows, [n, C]."""
        found = self.p[rows].clone()
        return found.scatter_add_(1, self.best[rows, None], found.new_full((len(found), 1), -1.0))

    def side(self, rows: slice | torch.Tensor) -> Side:
        """h [n, D], a [n, C] and ‖g‖² [n]."""
        if isinstance(rows, torch.Tensor):
            rows = rows.to(self.h.device)
        return self.h[rows], self._a(rows), self.squared[rows]

    def keep(self, places: slice, side: Side) -> None:
        for held, new in zip(self.held, side, strict=True):
            held[places] = new

    def nearest(self, side: Side, picks: slice) -> np.ndarray:
        (h, a, squared), (held_h, held_a, held) = side, (held[picks] for held in self.held)
        products = (h @ held_h.T).mul_(a @ held_a.T)
        less = torch.add(held, products, alpha=-2.0).amin(dim=1)
        return _apart(less.add_(squared), squared)

    def apart(self, side: Side) -> np.ndarray:
        h, a, squared = side
        products = (h @ h.T).mul_(a @ a.T)
        return _apart(torch.add(squared[:, None] + squared, products, alpha=-2.0), squared[:, None])


def _apart(apart: torch.Tensor, squared: torch.Tensor) -> np.ndarray:
    """Squared distances; what float32 cannot tell from zero beside ‖g_i‖² is zero.

    What is that near to g_i is as long as it, so its own length need not be asked.
    """
    return apart.masked_fill_(apart <= _ROUNDING * squared, 0.0).cpu().numpy()
