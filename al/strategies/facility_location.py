"""Facility location."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.geometry import ROUNDING, Cloud, labelled_points_of, nearest, points_of
from al.strategies.ranking import reads
from al.strategies.submodular import greedy, reference


@strategies.register("facility_location")
@reads("embeddings")
def facility_location(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for the samples that, with the labelled ones, best stand for the whole pool.

    Greedy on f(S) = Σ_i max_{j ∈ labelled ∪ S} s(i, j) with s(i, j) = m − ‖h_i − h_j‖² over
    h [N, D], where m is at least the largest squared distance: the k-medoids objective on
    squared distances. m decides nothing but the scale, as the gain of j is
    Σ_i max(0, min_{k ∈ labelled ∪ S} ‖h_i − h_k‖² − ‖h_i − h_j‖²). The score is that gain at
    the time of the pick over N m; it falls. Within 1 − 1/e of the best. With nothing labelled
    the first pick is the sample nearest to the mean. Ties, up to float32's rounding, go to the
    lower position.

    Greedy is lazy: gains only fall, so an old gain is a bound, and only bounds above the best
    gain are computed anew (Minoux 1978). Up to 20,000 samples it is exact. Beyond, the query
    comes from max(20,000, 8 query_size) samples drawn uniformly from `rng`, and gains are over
    a reference set of max(10,000, 4 query_size) drawn in the same way.

    Wei, Iyer and Bilmes (2015), Submodularity in data subset selection and active learning.
    Reads embeddings, or raw features where there is no model. O(n R D) time for the first
    gains of n candidates over R samples and in the worst case for every pick, in practice a
    few dozen gains each. Memory: a copy of candidates and reference set, and 256 MB for the
    distances of candidates that are looked at again.
    """
    points, labelled = points_of(view), labelled_points_of(view)  # [N, D], [L, D]
    size = min(query_size, len(points))
    drawn = reference(len(points), size, rng)
    ground = points if drawn is None else points[torch.as_tensor(drawn, device=points.device)]
    return greedy(points, _Covered(ground, labelled), size, rng)


class _Covered:
    """How near each ground sample is to what is labelled or picked, and what would help."""

    def __init__(self, ground: torch.Tensor, labelled: torch.Tensor) -> None:
        self.cloud = Cloud(ground)
        self.most = 4.0 * float(self.cloud.norms.max())  # m: no two are farther apart
        self.noise = 4.0 * ROUNDING * float(self.cloud.norms.mean())
        self.squared = torch.full((len(ground),), self.most, device=ground.device)  # [R]
        self.started = len(labelled) > 0
        if self.started:
            self.squared = nearest(ground, labelled)[0][:, 0].square()

    def start(self, points: torch.Tensor) -> tuple[list[int], list[float]]:
        """The first pick and its gain, where nothing is labelled.

        The least sum of squared distances is that of the sample nearest to the mean. Asking
        for gains over m would find it only up to the rounding of m.
        """
        if self.started:
            return [], []
        pick = int(nearest(points, self.cloud.centre[None])[0][:, 0].argmin())
        self.add(self.rows(points[pick : pick + 1])[0])
        return [pick], [float((self.most - self.squared).sum(dtype=torch.float64))]

    @property
    def width(self) -> int:
        return len(self.squared)

    def rows(self, candidates: torch.Tensor) -> torch.Tensor:
        """Squared distance of each candidate to each ground sample: [n, D] → [n, R]."""
        some = candidates - self.cloud.centre
        found = torch.addmm(self.cloud.norms, some, self.cloud.points.T, alpha=-2.0)
        return found.add_(some.square().sum(dim=1, keepdim=True)).clamp_min_(0.0)

    def gains(self, rows: torch.Tensor) -> np.ndarray:
        """Σ_i max(0, what i is from what is picked less what it is from j): [n, R] → [n]."""
        return (self.squared - rows).clamp_min_(0.0).sum(dim=1).double().cpu().numpy()

    def add(self, row: torch.Tensor) -> None:
        self.squared = torch.minimum(self.squared, row)

    def least(self, gain: float) -> float:
        """The least gain that may be this one, differently rounded."""
        return gain - ROUNDING * gain - self.noise

    def scores(self, gains: list[float]) -> np.ndarray:
        """Gains over their bound; true gains never rise, so a rise is rounding."""
        bound = max(self.most * len(self.squared), float(np.finfo(np.float32).tiny))
        return np.minimum.accumulate(np.array(gains, np.float64)) / bound
