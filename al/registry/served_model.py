"""What MLflow runs to load a registered version: build the Graph, read its weights, answer.

A copy of this file travels with every version; it is the version's only entry.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import mlflow

_SOURCE = Path(__file__).parent / "code" / "source.zip"  # beside the copy of this file
if _SOURCE.exists():
    sys.path.insert(0, str(_SOURCE))

from al.catalog import make_task  # noqa: E402
from al.contracts import DataSpec  # noqa: E402
from al.kinds.answering import answered  # noqa: E402

with warnings.catch_warnings():
    # MLflow asks for type hints, and would go by them instead of by the signature.
    warnings.simplefilter("ignore")

    class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        """What users of the task bring in, what they expect out; see `al.contracts.Task`."""

        def load_context(self, context: Any) -> None:
            made = json.loads(Path(context.artifacts["graph"]).read_text())
            if "encoder" in context.artifacts:  # its weights are among the version's
                here = {"folder": context.artifacts["encoder"], "bare": True}
                made["spec"]["details"]["encoder"].update(here)
            self.task = make_task(made["task"], made["parameters"])
            self.spec = DataSpec.from_dict(made["spec"])
            self.task.ready(self.spec)
            self.graph = self.task.graph(self.spec)
            self.graph.load_weights(Path(context.artifacts["weights"]))

        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return answered(self.task, self.spec, self.graph, model_input)


mlflow.models.set_model(ServedModel())
