"""Other libraries' strategies over the same arrays, as thinly wrapped as their interfaces allow.

An adapter does what can be done before the clock starts (labelled and pool in one array,
an object that answers with the probabilities given) and returns the call to be timed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from al.contracts import PoolView

Call = Callable[[], np.ndarray]
Adapter = Callable[[PoolView, int, int], Call]


class Known:
    """A classifier for those who only call it: a sample is its position in the pool."""

    def __init__(self, view: PoolView) -> None:
        self._view = view

    def predict_proba(self, rows: np.ndarray, dropout_sampling: int = 1) -> np.ndarray:
        found = self._view.samples if dropout_sampling > 1 else self._view.probabilities
        return found[np.asarray(rows).ravel().astype(int)]


def together(view: PoolView) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of pool and labelled set, and labels with nan for the pool."""
    points = np.concatenate([view.embeddings, view.labelled.embeddings])
    labels = np.concatenate([np.full(len(view.ids), np.nan), np.float64(view.labelled.labels)])
    return points, labels


# ---------------------------------------------------------------------- scikit-activeml


def _activeml_classifier(view: PoolView) -> Any:
    from skactiveml.base import SkactivemlClassifier

    class Fitted(SkactivemlClassifier):  # its strategies insist on the class
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict_proba(self, X: np.ndarray, embedded: bool = False) -> Any:  # noqa: N803
            found = Known(view).predict_proba(X)
            return (found, view.embeddings) if embedded else found

        def sample(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
            return view.samples.transpose(1, 0, 2)  # [T, N, C]

    return Fitted()


def _activeml_pool(strategy: Any, view: PoolView, size: int, **more: Any) -> Call:
    rows = np.arange(len(view.ids))[:, None]
    labels = np.full(len(rows), np.nan)
    return lambda: np.array(strategy.query(rows, labels, batch_size=size, **more))


def _activeml_uncertainty(method: str, view: PoolView, size: int, seed: int) -> Call:
    from skactiveml.pool import UncertaintySampling

    strategy = UncertaintySampling(method, random_state=seed)
    return _activeml_pool(strategy, view, size, clf=_activeml_classifier(view), fit_clf=False)


def _activeml_badge(view: PoolView, size: int, seed: int) -> Call:
    from skactiveml.pool import Badge

    strategy = Badge(clf_embedding_flag_name={"embedded": True}, random_state=seed)
    return _activeml_pool(strategy, view, size, clf=_activeml_classifier(view), fit_clf=False)


def _activeml_bald(view: PoolView, size: int, seed: int, batch: bool = False) -> Call:
    from skactiveml.pool import BatchBALD, GreedyBALD

    more = {"n_MC_samples": 40_000 // view.samples.shape[2]} if batch else {}
    kind = BatchBALD if batch else GreedyBALD
    strategy = kind(sample_predictions_method_name="sample", random_state=seed, **more)
    ensemble = _activeml_classifier(view)
    return _activeml_pool(strategy, view, size, ensemble=ensemble, fit_ensemble=False)


def _activeml_k_center(view: PoolView, size: int, seed: int) -> Call:
    from skactiveml.pool import CoreSet

    points, labels = together(view)
    return lambda: CoreSet(random_state=seed).query(points, labels, batch_size=size)


# --------------------------------------------------------------------------- small-text


def _small_text(name: str, view: PoolView, size: int, seed: int) -> Call:
    import small_text

    strategy = getattr(small_text, name)()
    rows, none = np.arange(len(view.ids)), np.arange(0)
    return lambda: strategy.query(Known(view), rows, rows, none, none, n=size)


def _small_text_bald(view: PoolView, size: int, seed: int) -> Call:
    from small_text import BALD

    strategy = BALD(dropout_samples=view.samples.shape[1])
    rows, none = np.arange(len(view.ids)), np.arange(0)
    return lambda: strategy.query(Known(view), rows, rows, none, none, n=size)


def _small_text_embedded(strategy: Any, view: PoolView, size: int) -> Call:
    points, labels = together(view)
    rows, pool = np.arange(len(points)), len(view.ids)
    return lambda: strategy.query(
        Known(view), rows, rows[:pool], rows[pool:], labels[pool:], n=size, embeddings=points
    )


def _small_text_k_center(view: PoolView, size: int, seed: int) -> Call:
    from small_text import GreedyCoreset

    return _small_text_embedded(GreedyCoreset(normalize=False), view, size)


def _small_text_badge(view: PoolView, size: int, seed: int) -> Call:
    from small_text.integrations.pytorch.query_strategies import BADGE

    return _small_text_embedded(BADGE(view.probabilities.shape[1]), view, size)


# --------------------------------------------------------------------------------- modAL


def _modal(name: str, view: PoolView, size: int, seed: int) -> Call:
    from modAL import uncertainty

    query = getattr(uncertainty, name)
    return lambda: query(Known(view), np.arange(len(view.ids)), n_instances=size)[0]


# --------------------------------------------------------------------------------- ALiPy


def _alipy(measure: str, view: PoolView, size: int, seed: int) -> Call:
    from alipy.query_strategy.query_labels import QueryInstanceUncertainty

    strategy, rows = QueryInstanceUncertainty(measure=measure), np.arange(len(view.ids))
    return lambda: strategy.select_by_prediction_mat(rows, view.probabilities, batch_size=size)


def _alipy_k_center(view: PoolView, size: int, seed: int) -> Call:
    from alipy.query_strategy.query_labels import QueryInstanceCoresetGreedy

    points, labels = together(view)
    rows, pool = np.arange(len(points)), len(view.ids)

    def call() -> np.ndarray:
        strategy = QueryInstanceCoresetGreedy(points, labels, rows)  # remembers what it picked
        return np.array(strategy.select(rows[pool:], rows[:pool], batch_size=size))

    return call


# ---------------------------------------------------------------------------------- Baal


def _baal(name: str, view: PoolView, size: int, seed: int) -> Call:
    from baal.active import heuristics

    heuristic = getattr(heuristics, name)()
    return lambda: heuristic(view.probabilities)[:size]


def _baal_bald(view: PoolView, size: int, seed: int, batch: bool = False) -> Call:
    from baal.active.heuristics import BALD, BatchBALD

    samples = np.ascontiguousarray(view.samples.transpose(0, 2, 1))  # [N, C, T]
    heuristic = BatchBALD(size, num_draw=40_000 // samples.shape[1]) if batch else BALD()
    return lambda: heuristic(samples)[:size]


# ------------------------------------------------------------------------------------ faiss


def _faiss_k_means(view: PoolView, size: int, seed: int) -> Call:
    import faiss

    points = np.ascontiguousarray(view.embeddings)

    def choose() -> np.ndarray:
        fitted = faiss.Kmeans(
            points.shape[1], size, niter=10, seed=seed, max_points_per_centroid=40
        )
        fitted.train(points)
        middles = faiss.IndexFlatL2(points.shape[1])
        middles.add(points)
        return np.unique(middles.search(fitted.centroids, 1)[1][:, 0])

    return choose


PEERS: dict[str, dict[str, Adapter]] = {
    "scikit-activeml": {
        "least_confidence": partial(_activeml_uncertainty, "least_confident"),
        "margin": partial(_activeml_uncertainty, "margin_sampling"),
        "entropy": partial(_activeml_uncertainty, "entropy"),
        "bald": _activeml_bald,
        "k_center": _activeml_k_center,
        "badge": _activeml_badge,
        "batch_bald": partial(_activeml_bald, batch=True),
    },
    "small-text": {
        "least_confidence": partial(_small_text, "LeastConfidence"),
        "margin": partial(_small_text, "BreakingTies"),
        "entropy": partial(_small_text, "PredictionEntropy"),
        "bald": _small_text_bald,
        "k_center": _small_text_k_center,
        "badge": _small_text_badge,
    },
    "modAL": {
        "least_confidence": partial(_modal, "uncertainty_sampling"),
        "margin": partial(_modal, "margin_sampling"),
        "entropy": partial(_modal, "entropy_sampling"),
    },
    "ALiPy": {
        "least_confidence": partial(_alipy, "least_confident"),
        "margin": partial(_alipy, "margin"),
        "entropy": partial(_alipy, "entropy"),
        "k_center": _alipy_k_center,
    },
    "faiss": {"k_means": _faiss_k_means},
    "Baal": {
        "least_confidence": partial(_baal, "Certainty"),
        "margin": partial(_baal, "Margin"),
        "entropy": partial(_baal, "Entropy"),
        "bald": _baal_bald,
        "batch_bald": partial(_baal_bald, batch=True),
    },
}
