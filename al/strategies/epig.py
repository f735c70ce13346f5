"""Expected predictive information gain."""

from __future__ import annotations

import numpy as np
import torch

from al import kernels
from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.bald import bald
from al.strategies.condensing import condensed
from al.strategies.ranking import by_score, certain, reads, top

#: Joint probabilities held at a time: 2 MB of float32.
_BLOCK = 524_288
#: Samples looked at together where not all have to be.
_AHEAD = 1024
#: By so much, in nats, rounding may lift a score above its bound.
_ROUNDING = 1e-5


@by_score(reads=["samples", "target_samples"], rowwise=True)
def _score(view: PoolView) -> np.ndarray:
    return _Targets(view.target_samples).learned_by(view.samples)


@strategies.register("epig")
@reads("samples", "target_samples")
def epig(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for the labels that would tell most about predictions on the validation samples.

    With `validation=folds` there are none: samples of the pool and of the labelled set, evenly
    spaced, take their place, as only their inputs are read.

    score(x) = mean_{x*} I(y; y* | x, x*) = H[y | x] + mean_{x*} (H[y* | x*] − H[y, y* | x, x*]),
    in nats, with p(y, y*) = mean_t p_t(y | x) p_t(y* | x*) and x* the target samples.

    Bickford Smith, Kirsch, Farquhar, Gal, Foster and Rainforth (2023), Prediction-oriented
    Bayesian active learning. A label tells no more of other labels than of the weights, so
    BALD is a bound: scores are computed from its highest downwards, until it falls below the
    query's lowest score. Classes that have a millionth of the probability together are left
    out. Reads `view.samples` [N, T, C] and `view.target_samples` [M, T, C]; O(n M T c²) time
    for the n samples looked at and c classes that matter, O(N) memory.
    """
    bound = np.asarray(bald.score(view), dtype=np.float64)
    order = top(bound, len(bound))
    targets = _Targets(view.target_samples)
    scores = np.full(len(bound), -np.inf)
    least, done = -np.inf, 0
    while done < len(order) and bound[order[done]] + _ROUNDING >= least:
        rows = np.sort(order[done : done + max(_AHEAD, query_size - done)])
        scores[rows] = targets.learned_by(view.samples[rows])
        done += len(rows)
        if done >= query_size:
            least = float(np.partition(scores, len(scores) - query_size)[-query_size])
    positions = top(scores, query_size)
    return certain(positions, scores[positions])


epig.score = _score.score


class _Targets:
    """The target samples [M, T, C], made ready to be multiplied with.

    Over classes y, y* that were not left out, I(y; y*) is Σ p(y, y*) (ln p(y, y*) − ln p(y) −
    ln p(y*)). The sums of the last two are linear in the passes and need no pairs.
    """

    def __init__(self, samples: np.ndarray) -> None:
        count, passes, _ = samples.shape
        parts = [torch.from_numpy(np.ascontiguousarray(part)) for _, part in condensed(samples)]
        sides = [part.permute(1, 0, 2).reshape(passes, -1) for part in parts]
        self.count = count
        self.across = torch.cat(sides, dim=1) / passes  # [T, Σ c], p_t(y* | x*) / T
        of_target = self.across.sum(dim=0)  # p(y* | x*)
        self.mass = self.across.sum(dim=1) / count  # [T], of the classes that are there
        logs = of_target.clamp_min(torch.finfo(torch.float32).tiny).log()
        self.alone = self.across @ logs / count  # [T], mean_x* Σ_y* p_t(y*) ln p(y*) / T

    def learned_by(self, samples: np.ndarray) -> np.ndarray:
        """The mean information of samples [N, T, C] about these, [N]."""
        found = np.empty(len(samples), np.float32)
        step = max(1, _BLOCK // samples.shape[1] // samples.shape[2])
        for start in range(0, len(samples), step):
            some = np.ascontiguousarray(samples[start : start + step])
            for rows, part in condensed(some):
                found[start + rows] = self._learned_by(torch.from_numpy(part))
        return np.maximum(found, 0.0)  # never negative but for rounding

    def _learned_by(self, part: torch.Tensor) -> np.ndarray:
        count, passes, classes = part.shape
        sides = part.transpose(1, 2).reshape(-1, passes)  # [n·c, T]
        pairs = torch.empty(len(sides))
        rows = max(1, _BLOCK // self.across.shape[1])
        ones = torch.ones(self.across.shape[1])

        def work(start: int) -> None:
            joint = sides[start : start + rows] @ self.across
            torch.mv(kernels.p_ln_p(joint), ones, out=pairs[start : start + rows])

        kernels.in_parallel(range(0, len(sides), rows), work)
        own = sides.mean(dim=1).clamp_min_(torch.finfo(torch.float32).tiny).log_()
        rest = (sides @ self.mass) * own  # [n·c], Σ_y* p(y, y*) ln p(y), meaned over targets
        known = (pairs / self.count - rest).reshape(count, classes).sum(dim=1)
        found: np.ndarray = (known - part.sum(dim=2) @ self.alone).numpy()
        return found
