"""Handwritten digits, bundled with scikit-learn."""

from __future__ import annotations

import numpy as np
from torch import nn

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ArrayLoader
from al.graphs import ClassificationGraph

#: Samples of the test split, the same for every campaign.
TEST = 360


@tasks.register("digits")
class Digits(Task):
    """1,797 images of digits, 8 × 8 grey; a small network, seconds a cycle on a CPU."""

    metric = "accuracy"

    def data(self) -> ArrayLoader:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        ids = [f"digit-{number:04d}" for number in range(len(bunch.images))]
        test = np.random.default_rng(0).choice(ids, size=TEST, replace=False)
        return ArrayLoader(ids, bunch.images, bunch.target, list("0123456789"), test.tolist())

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU())
        head = nn.Sequential(nn.Dropout(0.3), nn.Linear(128, len(spec.classes)))
        return ClassificationGraph(trunk, head, spec, scale=16.0)
