"""Contrastive active learning."""

from __future__ import annotations

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import PoolView
from al.errors import ConfigError, StrategyError
from al.strategies.geometry import labelled_points_of, nearest, points_of, slices
from al.strategies.ranking import by_score


@strategies.register("contrastive")
@by_score(reads=["probabilities", "embeddings"], rowwise=True)
def contrastive(view: PoolView, *, neighbours: int = 10) -> np.ndarray:
    """Asks where the model predicts otherwise than for the labelled samples next to it.

    score(x) = 1/k Σ_{j ∈ k nearest labelled} KL(p_j ‖ p(· | x)) in nats, nearest by
    ‖h_j − h(x)‖₂, with k = min(neighbours, L); for p [N, C], h [N, D]. Computed as
    −mean_j H[p_j] − Σ_c mean_j p_j(c) ln p(c | x).

    Margatina, Vernikos, Barrault and Aletras (2021), Active learning by acquiring contrastive
    examples (CAL). Reads probabilities and embeddings of pool and labelled set.
    O(N L D) time, O(N) memory and a block of distances.

    Raises:
        StrategyError: nothing is labelled.
        ConfigError: there are fewer than one neighbours.
    """
    labelled = labelled_points_of(view)  # [L, D]
    if not len(labelled):
        raise StrategyError(
            "contrastive compares with labelled samples and there are none: "
            "choose another cold_start, like random or typiclust"
        )
    tiny = torch.finfo(torch.float32).tiny
    theirs = torch.as_tensor(np.asarray(view.labelled.probabilities, np.float32))  # [L, C]
    negentropy = (theirs * theirs.clamp_min(tiny).log()).sum(dim=1)  # [L]
    rows = nearest(points_of(view), labelled, neighbours)[1]  # [N, k]
    own = torch.as_tensor(np.asarray(view.probabilities, np.float32))  # [N, C]
    scores = torch.empty(len(own), device=own.device)
    for part in slices(len(own), rows.shape[1] * own.shape[1]):
        expected = theirs[rows[part]].mean(dim=1)  # [n, C]
        crossed = (expected * own[part].clamp_min(tiny).log()).sum(dim=1)
        scores[part] = negentropy[rows[part]].mean(dim=1) - crossed
    return scores.clamp_min_(0.0).cpu().numpy()  # never negative but for rounding


def _check(*, neighbours: int = 10) -> None:
    if neighbours < 1:
        raise ConfigError(f"neighbours={neighbours} leaves nothing to compare with: give 1 or more")


contrastive.check = _check  # type: ignore[attr-defined]
