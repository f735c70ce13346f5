"""Metrics by name, for each kind of problem: what they measure and which way is up.

Figures are those of scikit-learn, computed over all samples at once. Answers are what the
table in `al.kinds` calls probabilities, before they are summed up over a sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from al.contracts import DataSpec

#: Answers [N, …], targets [N, …] and what the data is → the metric.
Measured = Callable[[np.ndarray, np.ndarray, DataSpec], float]
#: From which probability on a label applies.
APPLIES = 0.5


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        of: makes it of answers and targets; None where only the graph of the kind can.
        each: makes it of each sample, [N], where its value for many is their mean; Compare's
            intervals are exact and quick with it.
        proportion: that each is 1 or 0, right or wrong.
        lower: less is better.
        low, high: between which values it lies.
        varied: it compares samples whose targets differ, so that without such it has no value.
        of_one: with two classes it speaks of one of them; see `positive`.
    """

    of: Measured | None = None
    each: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    proportion: bool = False
    lower: bool = False
    low: float = 0.0
    high: float = 1.0
    varied: bool = False
    of_one: bool = False

    def __call__(self, answers: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
        """Its value; NaN where it has none, or an answer is not a number."""
        if not len(targets) or not np.isfinite(answers).all():
            return math.nan
        if self.varied and (targets == targets[0]).all():
            return math.nan
        assert self.of is not None or self.each is not None
        if self.of is None:
            return float(self.each(answers, targets).mean())  # type: ignore[misc]
        return float(self.of(answers, targets, spec))


def positive(spec: DataSpec) -> int:
    """Of two classes the position of the one that metrics of one class speak of: the rarer one
    among the labels of one's own data when the campaign began, else the second."""
    return int(spec.details.get("positive", 1))


# -- of one class each: answers [N, C], targets [N] ----------------------------------------------


def _right(p: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.asarray(p.argmax(axis=1) == targets, np.float64)


def _losses(p: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """−ln p of the true class; a probability is at least what float32 tells from 0 beside 1."""
    right = p[np.arange(len(p)), targets].astype(np.float64)
    return -np.log(np.maximum(right, np.finfo(np.float32).eps))


def _balanced(p: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    from sklearn.metrics import recall_score

    there = np.unique(targets)
    return recall_score(targets, p.argmax(axis=1), labels=there, average="macro", zero_division=0)


def _macro_f1(p: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    from sklearn.metrics import f1_score

    return f1_score(targets, p.argmax(axis=1), average="macro", zero_division=0)


def _f1(p: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    from sklearn.metrics import f1_score

    if p.shape[1] != 2:
        return _macro_f1(p, targets, spec)
    one = positive(spec)
    return f1_score(targets == one, p.argmax(axis=1) == one, zero_division=0)


def _agreement(name: str, p: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    from sklearn import metrics

    return getattr(metrics, name)(targets, p.argmax(axis=1))


def _log_odds(p: np.ndarray, one: int) -> np.ndarray:
    """ln of a class's probability less that of all others together, [N].

    It ranks as the probability does, and goes on where float32 rounds that to 1: the order is
    in what is left for the others.
    """
    rest = np.delete(p, one, axis=1).sum(axis=1, dtype=np.float64)
    least = np.finfo(np.float64).tiny
    return np.log(np.maximum(p[:, one], least, dtype=np.float64)) - np.log(np.maximum(rest, least))


def _ranked(name: str, p: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    """Of two classes that of one; of more the mean over those that are there, one against all."""
    from sklearn import metrics

    measure = getattr(metrics, name)
    ones = [positive(spec)] if p.shape[1] == 2 else np.unique(targets)
    return float(np.mean([measure(targets == c, _log_odds(p, c)) for c in ones]))


OF_CLASSES: Mapping[str, Metric] = {
    "accuracy": Metric(each=_right, proportion=True),
    "balanced_accuracy": Metric(_balanced),
    "macro_f1": Metric(_macro_f1),
    "f1": Metric(_f1, of_one=True),
    "auroc": Metric(partial(_ranked, "roc_auc_score"), varied=True),
    "average_precision": Metric(
        partial(_ranked, "average_precision_score"), varied=True, of_one=True
    ),
    "kappa": Metric(partial(_agreement, "cohen_kappa_score"), low=-1.0, varied=True),
    "mcc": Metric(partial(_agreement, "matthews_corrcoef"), low=-1.0, varied=True),
    "log_loss": Metric(each=_losses, lower=True, high=math.inf),
}


# -- of several classes each: answers [N, C], targets 0 or 1 [N, C] ------------------------------


def _labels_f1(average: str, p: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    from sklearn.metrics import f1_score

    return f1_score(targets, p >= APPLIES, average=average, zero_division=0)


def _exact(p: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.asarray(((p >= APPLIES) == targets.astype(bool)).all(axis=1), np.float64)


def _labels_ranked(name: str, p: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    """Mean over the labels that apply to some of the samples and not to others."""
    from sklearn import metrics

    varied = [c for c in range(p.shape[1]) if 0 < targets[:, c].sum() < len(targets)]
    values = [getattr(metrics, name)(targets[:, c], p[:, c]) for c in varied]
    return float(np.mean(values)) if values else math.nan


OF_LABELS: Mapping[str, Metric] = {
    "macro_f1": Metric(partial(_labels_f1, "macro")),
    "micro_f1": Metric(partial(_labels_f1, "micro")),
    "exact_match": Metric(each=_exact, proportion=True),
    "auroc": Metric(partial(_labels_ranked, "roc_auc_score"), varied=True),
    "average_precision": Metric(partial(_labels_ranked, "average_precision_score"), varied=True),
}


# -- of numbers: means and variances [N, 2], targets [N] -----------------------------------------


def _rmse(predicted: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    return math.sqrt(np.mean((targets.astype(np.float64) - predicted[:, 0]) ** 2))


def _away(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.abs(targets.astype(np.float64) - predicted[:, 0])


def _nlls(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """½ ln 2πσ² + (y − μ)² / 2σ²."""
    mean, variance = predicted.astype(np.float64).T
    away = (targets.astype(np.float64) - mean) ** 2 / variance
    return 0.5 * (np.log(2 * np.pi * variance) + away)


def _r2(predicted: np.ndarray, targets: np.ndarray, spec: DataSpec) -> float:
    from sklearn.metrics import r2_score

    return r2_score(targets.astype(np.float64), predicted[:, 0])


OF_NUMBERS: Mapping[str, Metric] = {
    "rmse": Metric(_rmse, lower=True, high=math.inf),
    "mae": Metric(each=_away, lower=True, high=math.inf),
    "r2": Metric(_r2, low=-math.inf, varied=True),
    "nll": Metric(each=_nlls, lower=True, low=-math.inf, high=math.inf),
}
