"""What MLflow runs to load a registered version: build the Graph, read its weights, answer.

A copy of this file travels with every version; it is the version's only entry.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Raw inputs in, predictions out: for classes, probabilities [N, C]."""

    def load_context(self, context: Any) -> None:
        made = json.loads(Path(context.artifacts["graph"]).read_text())
        self.graph = tasks.get(made["task"])().graph(DataSpec.from_dict(made["spec"]))
        self.graph.load_weights(Path(context.artifacts["weights"]))

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> np.ndarray:
        return np.asarray(self.graph.predict(np.asarray(model_input)))


mlflow.models.set_model(ServedModel())
