"""BCCD: which types of cell occur in a photograph of blood."""

from __future__ import annotations

import numpy as np
from torch import nn

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ArrayLoader
from al.graphs import MultiLabelGraph, detector_trunk
from al.tasks.bccd import CLASSES, load


@tasks.register("bccd-presence")
class BccdPresence(Task):
    """364 photographs of blood, 128 × 96; which of three types of cell occur in each.

    The photographs, boxes and test split of `bccd`. RBC occur in 96 of 100 photographs, WBC in
    98, platelets in 55: who names all three has a macro F1 of 0.88. Platelets are some 8 pixels
    wide here, and to tell them takes more labels: `benchmarks.tasks` comes to 0.89 with 160.
    """

    metric = "macro_f1"

    def data(self) -> ArrayLoader:
        names, images, boxes, test = load()
        occurs = np.stack([np.isin(range(len(CLASSES)), rows[:, 0]) for rows in boxes])
        return ArrayLoader(names, images, occurs, CLASSES, test, "labels")

    def graph(self, spec: DataSpec) -> MultiLabelGraph:
        pooled = nn.Sequential(detector_trunk(), nn.AdaptiveMaxPool2d(1), nn.Flatten())
        head = nn.Sequential(nn.Dropout(0.3), nn.Linear(64, len(spec.classes)))
        return MultiLabelGraph(pooled, head, spec, scale=255.0)
