"""A task kept outside the package, run from the folder that holds it:

cd examples && al main --task my_task.flowers:Flowers --validation-size 30
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris
from torch import nn

from al.contracts import DataSpec, Task
from al.data import ArrayLoader
from al.graphs import ClassificationGraph


class Flowers(Task):
    """150 iris flowers of three species by the length and width of their leaves; Fisher (1936)."""

    metric = "macro_f1"

    def data(self) -> ArrayLoader:
        flowers = load_iris()
        ids = [f"flower-{number:03d}" for number in range(len(flowers.data))]
        test = np.random.default_rng(0).choice(ids, size=45, replace=False)
        return ArrayLoader(
            ids,
            flowers.data.astype(np.float32),
            flowers.target,
            [str(name) for name in flowers.target_names],
            test.tolist(),
        )

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        trunk = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        head = nn.Sequential(nn.Dropout(0.2), nn.Linear(32, len(spec.classes)))
        return ClassificationGraph(trunk, head, spec, measures=("macro_f1", "accuracy"))
