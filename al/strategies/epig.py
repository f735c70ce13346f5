"""Expected predictive information gain."""

from __future__ import annotations

import numpy as np
import torch

from al import kernels
from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_score

#: Joint probabilities held at a time.
_BLOCK = 4_000_000


@strategies.register("epig")
@by_score(reads=["samples", "target_samples"], rowwise=True)
def epig(view: PoolView) -> np.ndarray:
    """Asks for the labels that would tell most about predictions on the validation samples.

    score(x) = mean_{x*} I(y; y* | x, x*) = H[y | x] + mean_{x*} (H[y* | x*] − H[y, y* | x, x*]),
    in nats, with p(y, y*) = mean_t p_t(y | x) p_t(y* | x*) and x* the target samples.

    Bickford Smith, Kirsch, Farquhar, Gal, Foster and Rainforth (2023), Prediction-oriented
    Bayesian active learning. Reads `view.samples` [N, T, C] and `view.target_samples`
    [M, T, C]; O(N M T C²) time, O(N) memory.
    """
    samples = view.samples
    count, passes, classes = samples.shape
    target = torch.from_numpy(np.ascontiguousarray(view.target_samples))  # [M, T, C]
    of_target = float(kernels.entropy(target.mean(dim=1).numpy()).mean())
    across = target.permute(1, 0, 2).reshape(passes, -1) / passes  # [T, M·C]
    joint = np.empty(count, np.float32)
    rows = max(1, _BLOCK // (classes * across.shape[1]))
    for start in range(0, count, rows):
        part = torch.from_numpy(samples[start : start + rows])
        p = part.transpose(1, 2).reshape(-1, passes) @ across  # [n·C, M·C]
        summed = kernels.p_ln_p(p).sum(dim=1).reshape(-1, classes).sum(dim=1)
        joint[start : start + rows] = -summed.numpy() / len(target)
    alone, _ = kernels.entropy_of_mean_and_mean_entropy(samples)
    return np.maximum(alone + of_target - joint, 0.0)  # never negative but for rounding
