"""Your own rows, in a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.agents import EstimatorAgent
from al.catalog import tasks
from al.contracts import DataSpec, Graph, Task
from al.data import TableFileLoader, rows_given
from al.graphs import EstimatorGraph, estimator_named, mlp

#: Gradient boosting, with leaves small enough for the few labels of first cycles.
DEFAULT = "sklearn.ensemble.HistGradientBoosting{}(min_samples_leaf=5, early_stopping=False)"


@tasks.register("table")
class Table(Task):
    """Your rows in a CSV or parquet file, classes or numbers; scikit-learn or a small network."""

    metric = "accuracy"

    def __init__(self, data: str, target: str, estimator: str = "boosting") -> None:
        self._data, self._target, self._estimator = data, target, estimator
        self.agent = None if estimator == "mlp" else EstimatorAgent

    def data(self) -> TableFileLoader:
        loader = TableFileLoader(self._data, self._target)
        self.metric = "rmse" if loader.spec.kind == "number" else "accuracy"
        return loader

    def graph(self, spec: DataSpec) -> Graph:
        if self._estimator == "mlp":
            return mlp(spec)
        text = self._estimator
        if text == "boosting":
            text = DEFAULT.format("Regressor" if spec.kind == "number" else "Classifier")
        return EstimatorGraph(estimator_named(text, spec.kind), spec)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return rows_given(given, spec)
