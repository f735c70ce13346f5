"""Handwritten digits, bundled with scikit-learn."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from torch import nn

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ArrayLoader
from al.graphs import ClassificationGraph

#: Samples of the test split, the same for every campaign.
TEST = 360


def _file() -> Path:
    """Where scikit-learn has them: to import `sklearn.datasets` takes longer than to read them."""
    package = find_spec("sklearn")
    assert package is not None  # it is a dependency
    assert package.origin is not None
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"


@tasks.register("digits")
class Digits(Task):
    """1,797 images of digits, 8 × 8 grey; a small network, seconds a cycle on a CPU."""

    metric = "accuracy"

    def data(self) -> ArrayLoader:
        table = np.loadtxt(_file(), delimiter=",")
        images, targets = table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(int)
        ids = [f"digit-{number:04d}" for number in range(len(images))]
        test = np.random.default_rng(0).choice(ids, size=TEST, replace=False)
        return ArrayLoader(ids, images, targets, list("0123456789"), test.tolist())

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU())
        head = nn.Sequential(nn.Dropout(0.3), nn.Linear(128, len(spec.classes)))
        return ClassificationGraph(trunk, head, spec, scale=16.0)
