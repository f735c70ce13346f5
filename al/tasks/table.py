"""Your own rows, in a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.agents import EstimatorAgent
from al.catalog import tasks
from al.contracts import DataSpec, Graph, Task
from al.data import Asked, TableFileLoader, rows_given
from al.data.legend import classes_named
from al.errors import ConfigError
from al.graphs import EstimatorGraph, classifier, estimator_named, mlp
from al.kinds import Trait, kind_of

#: Gradient boosting, with leaves small enough for a few dozen labels.
BOOSTING = "sklearn.ensemble.HistGradientBoosting{}(min_samples_leaf=5, early_stopping=False)"


@tasks.register("table")
class Table(Task):
    """Your rows in a CSV or parquet file, classes or numbers; scikit-learn or a small network."""

    def __init__(
        self,
        data: str,
        target: str,
        estimator: str = "auto",
        kind: str = "auto",
        features: str = "none",
        drop: str = "none",
        missing_labels: str = "none",
        separator: str = "auto",
        decimal: str = "auto",
        sheet: str = "auto",
        label_separator: str = "none",
        classes: str = "none",
    ) -> None:
        if label_separator != "none":
            if estimator not in ("auto", "boosting", "mlp"):
                raise ConfigError(
                    f"estimator={estimator} learns one class or a number, not the several labels "
                    "of label_separator: leave it out, and a small network learns them"
                )
            estimator = "mlp"
        self._data, self._target, self._estimator = data, target, estimator
        self._asked = Asked(
            kind, features, drop, missing_labels, separator, decimal, sheet, label_separator,
            classes_named(classes),
        )  # fmt: skip
        self.agent = None if estimator == "mlp" else EstimatorAgent

    def data(self) -> TableFileLoader:
        return TableFileLoader(self._data, self._target, self._asked)

    def graph(self, spec: DataSpec) -> Graph:
        if self._estimator == "mlp":
            return mlp(spec)
        text, of_numbers = self._estimator, Trait.NORMAL in kind_of(spec).traits
        # A campaign that began before there was this one goes on with boosting, as numbers do.
        if text == "auto" and not of_numbers and spec.details.get("reading", 1) >= 3:
            return EstimatorGraph(classifier, spec)
        if text in ("auto", "boosting"):
            text = BOOSTING.format("Regressor" if of_numbers else "Classifier")
        return EstimatorGraph(estimator_named(text, of_numbers=of_numbers), spec)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return rows_given(given, spec)
