"""The small network for rows."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from al.contracts import DataSpec
from al.graphs.base import TorchGraph
from al.graphs.classification import ClassificationGraph
from al.graphs.regression import RegressionGraph
from al.kinds import Trait, kind_of


def mlp(spec: DataSpec, measures: Sequence[str] = ("accuracy",)) -> TorchGraph:
    """Two hidden layers on features [N, F], for classes or for a number.

    Args:
        measures: metrics of classes; those of a number are always the same.
    """
    width, number = spec.input_shape[0], Trait.NORMAL in kind_of(spec).traits
    trunk = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
    head = nn.Sequential(nn.Dropout(0.3), nn.Linear(64, 2 if number else len(spec.classes)))
    if number:
        middle, unit = spec.details["middle"], spec.details["unit"]
        return RegressionGraph(trunk, head, spec, middle=middle, unit=unit)
    return ClassificationGraph(trunk, head, spec, measures=measures)
