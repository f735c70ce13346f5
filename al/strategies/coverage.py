"""Weighted coverage of the pool by a Gaussian kernel: what herding raises, pick by pick."""

from __future__ import annotations

import numpy as np
import torch

from al.contracts import Picks
from al.strategies.geometry import ROUNDING, Cloud, nearest
from al.strategies.submodular import greedy, reference

#: Below this bandwidth k takes float64, as ‖x − y‖² / σ² magnifies the rounding of float32.
_NARROW = 0.3
#: Squared distance of points of length 1 that is taken for none, as rounding makes so much of it.
_SAME = {torch.float32: 2.0 * ROUNDING, torch.float64: 1e-12}


def on_the_sphere(points: torch.Tensor) -> torch.Tensor:
    """The points [N, D], each of length 1; one at the origin stays there."""
    lengths = torch.linalg.vector_norm(points, dim=1, keepdim=True)
    return points / torch.where(lengths > 0, lengths, torch.ones_like(lengths))


def herd(
    points: torch.Tensor,
    labelled: torch.Tensor,
    weights: np.ndarray,
    sigma: float,
    size: int,
    rng: np.random.Generator,
) -> Picks:
    """Greedy on C(S) = 1/N Σ_i w_i max_{j ∈ labelled ∪ S} exp(−‖h_i − h_j‖² / σ²).

    The score of a pick is by how much it raised C. Ties, up to rounding, go to the lower
    position. Up to 20,000 points exact; beyond, over candidates and a reference set drawn from
    `rng`, see `al.strategies.submodular`.

    Args:
        points: the pool, [N, D]; h are these of length 1.
        labelled: [L, D], likewise.
        weights: w ≥ 0, [N].
        sigma: σ > 0, in units of distance.
    """
    dtype = torch.float64 if sigma < _NARROW else torch.float32

    def ready(some: torch.Tensor) -> torch.Tensor:
        return on_the_sphere(some).to(dtype)

    drawn = reference(len(points), size, rng)
    ground, own = points, torch.as_tensor(weights, dtype=dtype, device=points.device)
    if drawn is not None:
        rows = torch.as_tensor(drawn, device=points.device)
        ground, own = points[rows], own[rows]
    covered = _Covered(ready(ground), ready(labelled), own, sigma)
    return greedy(points, covered, size, rng, ready)


def smallest_distance(points: torch.Tensor) -> float | None:
    """The least distance above zero between two points of length 1; None if there is none."""
    least, same = torch.inf, _SAME[torch.float32]
    points = points.double()
    for _, block in Cloud(points).squared(points):
        least = min(least, float(block.masked_fill_(block < same, torch.inf).min()))
    return least**0.5 if least < torch.inf else None


class _Covered:
    """How well each ground sample is covered, and what would help."""

    def __init__(
        self, ground: torch.Tensor, labelled: torch.Tensor, weights: torch.Tensor, sigma: float
    ) -> None:
        self.weights, self.sharp = weights, 1.0 / sigma**2
        self.same = _SAME[ground.dtype]
        # Such that one product of [x, ‖x‖², 1] with it is −‖x − y‖² / σ², but for `same`.
        rest = (self.same - _squares(ground)) * self.sharp
        sides = [2.0 * self.sharp * ground, torch.full_like(rest, -self.sharp), rest]
        self.ground = torch.cat(sides, dim=1).T.contiguous()  # [D + 2, R]
        self.covered = torch.zeros_like(weights)  # [R], max of the kernel
        if len(labelled):
            squared = nearest(ground, labelled)[0][:, 0].square()
            self.covered = ((self.same - squared) * self.sharp).clamp_max_(0.0).exp_()
        # What rounding does to a gain, in shares of it.
        self.noise = ROUNDING * (1.0 + self.sharp if ground.dtype == torch.float32 else 1.0)

    def start(self, points: torch.Tensor) -> tuple[list[int], list[float]]:
        """Nothing is picked without a look at gains."""
        return [], []

    @property
    def width(self) -> int:
        return len(self.weights)

    def rows(self, candidates: torch.Tensor) -> torch.Tensor:
        """k of candidates [n, D] and the ground, [n, R]."""
        sides = [candidates, _squares(candidates), candidates.new_ones((len(candidates), 1))]
        return (torch.cat(sides, dim=1) @ self.ground).clamp_max_(0.0).exp_()

    def gains(self, rows: torch.Tensor) -> np.ndarray:
        """Σ_i w_i max(0, k(i, j) − covered_i) of each candidate j: [n, R] → [n]."""
        found = (rows - self.covered).clamp_min_(0.0) @ self.weights
        return found.double().cpu().numpy()

    def add(self, row: torch.Tensor) -> None:
        self.covered = torch.maximum(self.covered, row)

    def least(self, gain: float) -> float:
        """The least gain that may be this one, differently rounded."""
        return gain - self.noise * (gain + float(self.weights.mean()))

    def scores(self, gains: list[float]) -> np.ndarray:
        """Gains over the number of samples; true gains never rise, so a rise is rounding."""
        found = np.array(gains, np.float64) / len(self.weights)
        return np.asarray(np.minimum.accumulate(found))


def _squares(points: torch.Tensor) -> torch.Tensor:
    """‖x‖², [n, 1]."""
    return points.square().sum(dim=1, keepdim=True)
