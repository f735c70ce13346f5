"""What is learned: three arms of a spiral, told apart by where a point lies."""

from __future__ import annotations

import numpy as np
from torch import nn

from al.contracts import DataSpec, Task
from al.data import ArrayLoader
from al.graphs import ClassificationGraph

CLASSES = ("red", "green", "blue")


class Spirals(Task):
    """900 points on three arms of a spiral; a small network."""

    metric = "accuracy"

    def data(self) -> ArrayLoader:
        """Your data goes here: ids, inputs, labels, and which of the ids are the test split."""
        rng = np.random.default_rng(0)
        arm = np.arange(900) % len(CLASSES)  # [N], the label as a position in CLASSES
        far = rng.uniform(0.1, 1.0, 900)
        turn = 2 * np.pi * (arm / 3 + far / 2) + rng.normal(0, 0.15, 900)
        points = np.stack([far * np.cos(turn), far * np.sin(turn)], axis=1)  # [N, 2]
        ids = [f"point-{number:03d}" for number in range(900)]
        test = rng.choice(ids, size=300, replace=False).tolist()
        return ArrayLoader(ids, points.astype(np.float32), arm, CLASSES, test)

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        """The network: what the trunk makes of a sample is its embedding."""
        trunk = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        head = nn.Sequential(nn.Dropout(0.1), nn.Linear(64, len(spec.classes)))
        return ClassificationGraph(trunk, head, spec)
