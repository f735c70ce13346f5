"""The small network for rows."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from al.contracts import DataSpec
from al.graphs.base import TorchGraph
from al.graphs.heads import graph_on


def mlp(spec: DataSpec, measures: Sequence[str] = ("accuracy",)) -> TorchGraph:
    """Two hidden layers on features [N, F], for one class, several or a number.

    Args:
        measures: metrics of classes; those of other labels are always the same.
    """
    trunk = nn.Sequential(
        nn.Linear(spec.input_shape[0], 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU()
    )
    return graph_on(trunk, 64, spec, dropout=0.3, measures=measures)
