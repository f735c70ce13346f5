"""Disagreement with the consensus."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import PoolView
from al.strategies.ranking import by_measure, by_score


@strategies.register("consensus_kl")
@by_measure("consensus_kl")
@by_score(reads=["committee"], rowwise=True)
def consensus_kl(view: PoolView, *, over: str = "auto") -> np.ndarray:
    """Asks where the latest candidate models differ most from their own mean.

    score(x) = mean_m KL(p_m ‖ p̄) = H[p̄] − mean_m H[p_m] with p̄ = mean_m p_m, in nats: the
    Jensen-Shannon divergence of the members, which is BALD over a committee.

    Of a mask, boxes or labels it is taken of each, and `over` makes one number of these.
    Of numbers as in `bald`.

    McCallum and Nigam (1998), Employing EM and pool-based active learning for text
    classification. Reads `view.committee` [N, M, C], so a campaign needs `candidates` of two
    or more; O(N M C) time, O(N) memory.
    """
    return view.measured("consensus_kl", over)
