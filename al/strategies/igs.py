"""Greedy sampling on inputs and outputs."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.kinds import Trait
from al.strategies.farthest import Farthest, Rows
from al.strategies.geometry import check_finite
from al.strategies.ranking import certain, needs, reads


@strategies.register("igs")
@needs(Trait.NORMAL)
@reads("probabilities", "features")
def igs(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for what is far from everything known in its inputs and its predicted number.

    Greedy: pick argmax_n min_{m ∈ labelled ∪ picked} ‖x_n − x_m‖₂ · |f(x_n) − y_m|, repeat;
    ties to the lower id. The number of a pick is not known before it is answered, so its
    prediction stands for it. The score of a pick is that product.

    Wu, Lin and Huang (2019), Active learning for regression using greedy sampling (iGS), where
    samples are asked about one by one. Reads `view.probabilities` [N, 2], of which the mean,
    and `view.features` [N, F]. O((L + query_size) N F) time at worst, for most pools a part of
    it, as in `k_center`; O(N) memory and O((L + query_size) F) for what is known.
    """
    inputs = _inputs(view.ids, view.features)  # [N, F]
    numbers = view.probabilities[:, 0].astype(np.float64)  # [N]
    check_finite(view.ids, numbers, "have predicted numbers that are")
    seen = view.labelled
    if not len(inputs) or not query_size:
        return certain(np.empty(0, np.int64), np.empty(0))
    if seen.ids:
        known = np.array([float(label) for label in seen.labels])
        search = _Product(inputs, _inputs(seen.ids, seen.features), numbers, known, query_size)
        return certain(*search.run(query_size))
    # Nothing is known to be far from: the first, which is as far as anything.
    search = _Product(inputs, inputs[:1], numbers, numbers[:1], query_size - 1)
    search.without(0)
    positions, scores = search.run(query_size - 1)
    largest = scores.max(initial=0.0)
    return certain(np.append(0, positions), np.append(largest, scores))


class _Product(Farthest):
    """The farthest by squared distance of inputs times squared difference of numbers.

    In float64: where a product of the two is small, float32 leaves too much open.

    Args:
        numbers: of the points, [N].
        known: of the centres to begin with, [L].
    """

    precision = torch.float64

    def __init__(
        self,
        points: np.ndarray,
        centres: np.ndarray,
        numbers: np.ndarray,
        known: np.ndarray,
        most: int,
    ) -> None:
        self.numbers = numbers
        self.known = np.concatenate([known, np.zeros(most)])
        # Numbers are brought to −1 … 1, as far from zero they would be all rounding.
        self.zero = numbers.mean()
        self.unit = max(np.abs(numbers - self.zero).max(), np.abs(known - self.zero).max()) or 1.0
        self.small, self.small_known = self._scaled(self.numbers), self._scaled(self.known)
        super().__init__(points, centres, most)
        # Squares of differences are 4 at most, and err by less than twice as much again.
        self.slack *= 12.0

    def _scaled(self, numbers: np.ndarray) -> np.ndarray:
        return (numbers - self.zero) / self.unit

    def _append(self, row: int, squared: float) -> int:
        new = super()._append(row, squared)
        self.known[new], self.small_known[new] = self.numbers[row], self.small[row]
        return new

    def _lowest(self, rows: Rows, x: torch.Tensor, first: int, stop: int) -> np.ndarray:
        found: np.ndarray = self._products(rows, x, first, stop).amin(dim=1).cpu().numpy()
        return found

    def _table(self, rows: Rows, x: torch.Tensor, stop: int) -> np.ndarray:
        found: np.ndarray = self._products(rows, x, 0, stop).cpu().numpy()
        return found

    def _products(self, rows: Rows, x: torch.Tensor, first: int, stop: int) -> torch.Tensor:
        x2, small, known = (
            torch.from_numpy(array).to(x.device)
            for array in (self.x2[rows], self.small[rows], self.small_known[first:stop])
        )
        squared = torch.addmm(self.c2[first:stop], x, self.c[first:stop].T, alpha=-2.0)
        squared.add_(x2[:, None]).clamp_(min=0.0)
        return squared.mul_((small[:, None] - known).square_())

    def _pairs(self, rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
        between = self.numbers[rows] - self.known[centres]
        return super()._pairs(rows, centres) * np.square(between)


def _inputs(ids: tuple[str, ...], features: np.ndarray) -> np.ndarray:
    check_finite(ids, features)
    return np.ascontiguousarray(features, dtype=np.float32)
