"""Nested state as one safetensors file: tensors as tensors, the rest as JSON, no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from al.errors import DataError


def save_tree(tree: Any, path: Path) -> None:
    """Write dicts, lists, tuples, tensors, numbers and texts, however nested."""
    tensors: dict[str, torch.Tensor] = {}

    def encode(node: Any) -> Any:
        if isinstance(node, torch.Tensor):
            name = str(len(tensors))
            tensors[name] = node.detach().cpu().contiguous().clone()
            return {"tensor": name}
        if isinstance(node, dict):
            return {"dict": [[key, encode(value)] for key, value in node.items()]}
        if isinstance(node, (list, tuple)):
            return {type(node).__name__: [encode(value) for value in node]}
        return {"value": node}

    structure = json.dumps(encode(tree))  # first, as it fills `tensors`
    save_file(tensors, path, metadata={"tree": structure})


def load_tree(path: Path) -> Any:
    """Read what `save_tree` wrote.

    Raises:
        DataError: the file is missing or damaged.
    """

    def decode(node: dict[str, Any], file: Any) -> Any:
        ((kind, content),) = node.items()
        if kind == "tensor":
            return file.get_tensor(content).clone()  # else it is the file, whatever becomes of it
        if kind == "dict":
            return {key: decode(value, file) for key, value in content}
        if kind in ("list", "tuple"):
            values = [decode(value, file) for value in content]
            return tuple(values) if kind == "tuple" else values
        return content

    try:
        with safe_open(path, framework="pt") as file:
            return decode(json.loads(file.metadata()["tree"]), file)
    except (
        OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        raise DataError(f"{path.name} is missing or damaged ({error}): restore it") from error
