"""A registered version as a folder that plain MLflow loads and serves anywhere.

It holds the weights as tensors, the project's code as source in one archive, and a small file
that puts the two together; nothing in it is pickled. The pipeline itself reads only the weights.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from mlflow.models import ModelSignature, infer_signature
from mlflow.pyfunc import save_model
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType

from al.contracts import DataSpec
from al.registry.own_code import distributions, own_code
from al.scratch import scratch_folder
from al.sources import package_digest

#: What a loaded version imports; pinned to what made it.
REQUIREMENTS = (
    "mlflow", "torch", "numpy", "safetensors", "pandas", "pillow", "scikit-learn", "skops",
)  # fmt: skip
#: The archive of the source, where MLflow keeps a model's code; served_model.py looks there.
SOURCE = "source.zip"
_HERE = Path(__file__).parents[1]
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
    source = folder.with_name(SOURCE)
    source.write_bytes(_source(package_digest()))
    graph = folder.with_name("graph.json")
    made = {"task": task, "parameters": dict(parameters), "spec": spec.to_dict()}
    graph.write_text(json.dumps(made))
    own = own_code(task, spec.kind, folder.with_name("own"))
    artifacts = {"weights": str(weights), "graph": str(graph)}
    if carried := _carried(spec, folder.with_name("encoder")):
        artifacts["encoder"] = carried
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):  # bars of copying files
        warnings.simplefilter("ignore")
        save_model(
            folder,
            python_model=str(_LOADER),
            artifacts=artifacts,
            # One's own code stays in files, as it may look for others beside it.
            code_paths=[str(source), *map(str, own.paths)],
            pip_requirements=_requirements(spec, own.packages),
            signature=_signature(example, answer, spec.details.get("optional", ())),
            input_example=example,
            metadata={"classes": list(spec.classes), "task": task},
        )


def _carried(spec: DataSpec, to: Path) -> str:
    """The folder with files of the encoder where its weights are the version's own; "" for none."""
    encoder = spec.details.get("encoder", {})
    for name in encoder.get("carried", ()):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        copyfile(Path(encoder["folder"]) / name, to / name)
    return str(to) if to.exists() else ""


def _requirements(spec: DataSpec, packages: Sequence[str]) -> list[str]:
    """What a loaded version imports, pinned; what its encoder and code of one's own need too."""
    imported = spec.details.get("encoder", {}).get("packages", ())
    known = distributions() if imported else {}
    names = [*REQUIREMENTS, *(known[name][0] for name in imported if name in known), *packages]
    named: dict[str, str] = {}
    for name in names:
        named.setdefault(name.lower().replace("_", "-"), name)
    return [f"{name}=={_version(name)}" for name in named.values()]


@cache
def _version(name: str) -> str:
    """Of an installed distribution; of what is imported already, so that it stays."""
    return version(name).partition("+")[0]


def _signature(example: Any, answer: Any, optional: Sequence[str]) -> ModelSignature:
    """What comes in and goes out; columns that had gaps may be left out.

    Columns of tables are of any type, as MLflow refuses whole numbers where it saw others, truth
    values, dates and categories; the task reads them. Bytes have to be declared, for REST.
    """
    found = infer_signature(example, answer)
    if not found.inputs.has_input_names():
        return found
    columns = [
        ColSpec(
            column.type if column.type == DataType.binary else AnyType(),
            column.name,
            required=column.name not in optional,
        )
        for column in found.inputs.inputs
    ]
    return ModelSignature(Schema(columns), found.outputs)


@lru_cache(maxsize=1)
def _source(_: str) -> bytes:
    """The archive of this package, made once: it takes a fifth of a cycle's own time."""
    with scratch_folder() as scratch:
        archive(path := Path(scratch) / SOURCE, _HERE)
        return path.read_bytes()


def archive(path: Path, package: Path) -> None:
    """A package as an archive that Python imports from; of the same code, the same bytes.

    What Python compiled stays out.
    """
    with ZipFile(path, "w") as file:
        for found in sorted(package.rglob("*")):
            if found.is_file() and "__pycache__" not in found.parts:
                entry = ZipInfo(found.relative_to(package.parent).as_posix())  # dated 1980
                file.writestr(entry, found.read_bytes(), ZIP_DEFLATED)
