"""The small network for rows."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from al.contracts import DataSpec
from al.graphs.classification import ClassificationGraph


def mlp(spec: DataSpec, measures: Sequence[str] = ("accuracy",)) -> ClassificationGraph:
    """Two hidden layers on features [N, F]."""
    width = spec.input_shape[0]
    trunk = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
    head = nn.Sequential(nn.Dropout(0.3), nn.Linear(64, len(spec.classes)))
    return ClassificationGraph(trunk, head, spec, measures=measures)
