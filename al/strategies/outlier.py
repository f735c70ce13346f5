"""Outliers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError, did_you_mean
from al.strategies.geometry import labelled_points_of, points_of
from al.strategies.ranking import reads, top

#: Samples scored at a time.
_WINDOW = 65_536
#: Samples fitted to, at most; a forest takes 256 of them for a tree.
_FOREST, _FACTOR = 65_536, 5_000
_NEIGHBOURS = 20


@strategies.register("outlier")
@reads("embeddings")
def outlier(
    view: PoolView,
    query_size: int,
    rng: np.random.Generator,
    *,
    method: str = "isolation_forest",
) -> Picks:
    """Asks for what lies apart from everything else, labelled or not.

    Fitted on pool and labelled set, h [N + L, D]; higher scores lie farther out.
    isolation_forest: 2^(−E[path length] / c(256)) over 100 random trees of 256 samples, in
    (0, 1] (Liu, Ting and Zhou 2008, Isolation forest), on at most 65,536 samples drawn
    uniformly. local_outlier_factor: density of the 20 nearest neighbours over the sample's
    own, about 1 inside a cluster (Breunig et al. 2000, LOF: identifying density-based local
    outliers), exact up to 5,000 samples, beyond that against so many drawn uniformly.

    Scikit-learn's. Reads embeddings, or raw features where there is no model. The forest and
    the samples fitted to are drawn. The forest takes O(100 N log 256) time, the factor
    O(N · 5,000 D); O(N) memory and a copy of what is fitted to.

    Raises:
        ConfigError: no method of that name.
    """
    points = points_of(view).cpu().numpy()  # [N, D]
    labelled = labelled_points_of(view).cpu().numpy()  # [L, D]
    scores = _METHODS[method](points, labelled, rng)
    positions = top(scores, query_size)
    return Picks(positions, scores[positions])


def _forest(points: np.ndarray, labelled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=int(rng.integers(2**31)))
    return _far_out(forest.fit(_some(points, labelled, _FOREST, rng)), points)


def _factor(points: np.ndarray, labelled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    from sklearn.neighbors import LocalOutlierFactor

    total = len(points) + len(labelled)
    if total < 2:
        return np.zeros(len(points))  # alone, nothing is apart
    few = min(_NEIGHBOURS, total - 1)
    with warnings.catch_warnings():
        # Many equal samples are not a mistake here: they are dense, and score low.
        warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
        if total <= _FACTOR:
            found = LocalOutlierFactor(few).fit(_some(points, labelled, total, rng))
            return -found.negative_outlier_factor_[: len(points)]
        factor = LocalOutlierFactor(few, novelty=True)
        return _far_out(factor.fit(_some(points, labelled, _FACTOR, rng)), points)


def _some(
    points: np.ndarray, labelled: np.ndarray, limit: int, rng: np.random.Generator
) -> np.ndarray:
    """Pool and labelled set in this order, or so many of them."""
    total = len(points) + len(labelled)
    rows = np.arange(total)
    if total > limit:
        rows = np.sort(rng.choice(total, limit, replace=False))
    inside = points[rows[rows < len(points)]]
    outside = labelled[rows[rows >= len(points)] - len(points)]
    return np.concatenate([inside, outside]) if len(outside) else inside


def _far_out(fitted: Any, points: np.ndarray) -> np.ndarray:
    windows = [points[start : start + _WINDOW] for start in range(0, len(points), _WINDOW)]
    return np.concatenate([-fitted.score_samples(window) for window in windows])


_METHODS: dict[str, Callable[..., np.ndarray]] = {
    "isolation_forest": _forest,
    "local_outlier_factor": _factor,
}


def _check(*, method: str = "isolation_forest") -> None:
    if method not in _METHODS:
        raise ConfigError(f"unknown method {method!r}: {did_you_mean(method, _METHODS)}")


outlier.check = _check
