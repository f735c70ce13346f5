"""Yardsticks that are no part of the project: prototypes of two searches, and arrays of today.

They lie in the folder that AL_SPEED names, or in `../shared/speed` beside the repository:
`prototypes.py` (lazy exact k-center and BADGE by rejection, without ties, ids and float64) and
`workloads.py` (`modern`: embeddings as foundation models give them).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache, partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import torch

from al.contracts import PoolView

Call = Callable[[], np.ndarray]

FOLDER = Path(os.environ.get("AL_SPEED") or Path(__file__).parents[2] / "shared" / "speed")


def there(name: str) -> bool:
    return (FOLDER / f"{name}.py").is_file()


@lru_cache
def module(name: str) -> Any:
    """One of the files, as a module."""
    spec = spec_from_file_location(f"yardsticks_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def _k_center(view: PoolView, size: int, seed: int) -> Call:
    pool, known = (torch.from_numpy(part.embeddings) for part in (view, view.labelled))
    return lambda: np.asarray(module("prototypes").kcenter_lazy(pool, known, size))


def _badge(view: PoolView, size: int, seed: int) -> Call:
    h, p = torch.from_numpy(view.embeddings), torch.from_numpy(view.probabilities)
    return lambda: np.asarray(module("prototypes").badge_reject(h, p, size, seed))


PROTOTYPES: dict[str, Callable[[PoolView, int, int], Call]] = {
    "k_center": _k_center,
    "badge": _badge,
}


def modern(
    rows: int, dims: int, classes: int, labelled: int, passes: int, seed: int, *, numbers: bool
) -> dict[str, dict[str, Callable[[], np.ndarray]]]:
    """What arrays of pool, labelled set and targets are made of, by name; each is made on demand.

    A stochastic pass of probabilities p is softmax(ln p + z) with z standard normal. With
    `numbers`, what is predicted is not a class but a direction of the embeddings.
    """
    pool, p, known, of_known = module("workloads").modern(rows, dims, classes, labelled)
    direction = np.random.default_rng(seed).standard_normal(dims, np.float32)

    def predicted(points: np.ndarray, found: np.ndarray) -> np.ndarray:
        return np.stack([points @ direction, np.ones(len(points))], 1) if numbers else found

    def of(points: np.ndarray, found: np.ndarray, own: int) -> dict[str, Any]:
        return {
            "embeddings": lambda: points,
            "features": lambda: points,
            "probabilities": lambda: predicted(points, found),
            "samples": partial(_passes, found, passes, [seed, own]),
            "committee": partial(_passes, found, 5, [seed, own, 1]),
        }

    return {"pool": of(pool, p, 1), "labelled": of(known, of_known, 2),
            "targets": of(known, of_known[:100], 3)}  # fmt: skip


def _passes(p: np.ndarray, count: int, seed: list[int]) -> np.ndarray:
    draw, found = np.random.default_rng(seed), np.empty((len(p), count, p.shape[1]), np.float32)
    for start in range(0, len(p), 2048):
        part = found[start : start + 2048]
        draw.standard_normal(part.shape, np.float32, out=part)
        part += np.log(p[start : start + 2048, None] + np.float32(1e-12))
        part -= part.max(axis=-1, keepdims=True)
        np.exp(part, out=part)
        part /= part.sum(axis=-1, keepdims=True)
    return found
