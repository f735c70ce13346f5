"""A registered version as a folder that plain MLflow loads and serves anywhere.

It holds the weights as tensors, the project's code as source, and a small file that puts
the two together; nothing in it is pickled. The pipeline itself reads only the weights.
"""

from __future__ import annotations

import importlib.util
import io
import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from mlflow.models import ModelSignature, infer_signature
from mlflow.pyfunc import save_model
from mlflow.types import ColSpec, Schema

from al.contracts import DataSpec

#: What a loaded version imports; pinned to what made it.
REQUIREMENTS = (
    "mlflow", "torch", "numpy", "safetensors", "pandas", "pillow", "scikit-learn", "skops",
)  # fmt: skip
_LOADER = Path(__file__).with_name("served_model.py")


def save_servable(
    folder: Path,
    *,
    weights: Path,
    task: str,
    parameters: Mapping[str, Any],
    spec: DataSpec,
    example: Any,
    answer: Any,
) -> None:
    """Write a version into the folder.

    Args:
        weights: folder that a Graph saved its weights into.
        task: its catalog name, or package.module:Object; `parameters` are those it was given.
        example: a few samples as a user brings them; `answer` is what the version gives.
    """
    graph = folder.with_name("graph.json")
    made = {"task": task, "parameters": dict(parameters), "spec": spec.to_dict()}
    graph.write_text(json.dumps(made))
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):  # bars of copying files
        warnings.simplefilter("ignore")
        save_model(
            folder,
            python_model=str(_LOADER),
            artifacts={"weights": str(weights), "graph": str(graph)},
            code_paths=_code(task, spec.kind),
            pip_requirements=_requirements(spec),
            signature=_signature(example, answer, spec.details.get("optional", ())),
            input_example=example,
            metadata={"classes": list(spec.classes), "task": task},
        )


def _requirements(spec: DataSpec) -> list[str]:
    """What a loaded version imports, pinned; what its encoder needs as well."""
    imported = spec.details.get("encoder", {}).get("packages", ())
    known = packages_distributions() if imported else {}
    names = [*REQUIREMENTS, *(known[name][0] for name in imported if name in known)]
    return [f"{name}=={version(name).partition('+')[0]}" for name in names]


def _signature(example: Any, answer: Any, optional: Sequence[str]) -> ModelSignature:
    """What comes in and goes out, as MLflow infers it; columns that had gaps may be left out."""
    found = infer_signature(example, answer)
    if not optional or not found.inputs.has_input_names():
        return found
    columns = [
        ColSpec(column.type, column.name, required=column.name not in optional)
        for column in found.inputs.inputs
    ]
    return ModelSignature(Schema(columns), found.outputs)


def _code(*names: str) -> Sequence[str]:
    """Source that the version needs: this package, and what is named where it is elsewhere."""
    roots = [Path(__file__).parents[1]]
    for name in names:
        top = name.partition(":")[0].partition(".")[0] if ":" in name else "al"
        found = importlib.util.find_spec(top)
        if top != "al" and found is not None and found.origin is not None:
            origin = Path(found.origin)
            roots.append(origin.parent if origin.name == "__init__.py" else origin)
    return [*dict.fromkeys(str(root) for root in roots)]
