"""DropQuery."""

from __future__ import annotations

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.k_means import k_means
from al.strategies.ranking import by_score, reads, top


@strategies.register("drop_query")
@reads("probabilities", "samples", "embeddings")
def drop_query(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for a spread of samples whose class changes when parts of the model drop out.

    A candidate is a sample whose predicted class ŷ = argmax p differs from that of more than
    half of the T stochastic passes. k-means makes query_size clusters of the candidates'
    embeddings h [K, D]; of each, the candidate nearest to its centre is asked for, the largest
    cluster first. The score is the number of passes that differ plus (1 − mean_t p_t(ŷ)) / 2,
    which only orders samples with the same number. Where there are no more candidates than
    samples wanted, the highest scores are asked for.

    Gupte, Aklilu, Nirschl and Yeung-Levy (2024), Revisiting active learning in the era of
    vision foundation models. Theirs are T = 3 passes with dropout on the frozen features; here
    T is `passes`, and dropout is where the Graph has it, as for all that reads `samples`. Of a
    model without dropout all passes agree, and this asks by least confidence. They say nothing
    of too few candidates. Seeds of k-means are drawn, so the query is too. O(N T C) time, and
    that of `k_means` on the candidates; O(N) memory beyond what it takes.
    """
    scores = _changes.score(view)  # [N]
    passes = view.narrow(slice(0, 1)).samples.shape[1]
    candidates = np.flatnonzero(np.floor(scores) > passes / 2)
    if len(candidates) <= query_size:
        positions = top(scores, query_size)
        return Picks(positions, scores[positions])
    positions = candidates[k_means(view.narrow(candidates), query_size, rng).positions]
    return Picks(positions, scores[positions])


@by_score(rowwise=True)
def _changes(view: PoolView) -> np.ndarray:
    """In how many passes the class changes, and half of how little the others believe in it."""
    predicted = view.probabilities.argmax(axis=1)  # [N]
    samples = view.samples  # [N, T, C]
    believed = samples[np.arange(len(samples)), :, predicted]  # [N, T]
    differ = samples.argmax(axis=2) != predicted[:, None]
    doubt = 1.0 - believed.mean(axis=1, dtype=np.float64)
    return np.asarray(differ.sum(axis=1) + np.clip(doubt, 0.0, 1.0) / 2)
