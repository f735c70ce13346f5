"""A task kept outside the package: one file, run by its name.

mlflow run . --env-manager local -P task=examples.moons:Moons
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import make_moons
from torch import nn

from al.contracts import DataSpec, Task
from al.data import ArrayLoader
from al.graphs import ClassificationGraph


class Moons(Task):
    """Two interleaved half circles: 2,000 points in a plane, two classes."""

    metric = "accuracy"

    def data(self) -> ArrayLoader:
        points, sides = make_moons(2000, noise=0.2, random_state=0)
        ids = [f"point-{number:04d}" for number in range(len(points))]
        return ArrayLoader(ids, points.astype(np.float32), sides, ("upper", "lower"), ids[-500:])

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        trunk = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        head = nn.Sequential(nn.Dropout(0.2), nn.Linear(64, len(spec.classes)))
        return ClassificationGraph(trunk, head, spec)
