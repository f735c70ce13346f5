"""A trunk with the head and loss that the labels want."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from al.contracts import DataSpec
from al.graphs.base import TorchGraph
from al.graphs.classification import ClassificationGraph
from al.graphs.multilabel import MultiLabelGraph
from al.graphs.regression import RegressionGraph
from al.kinds import kind_of


def graph_on(
    trunk: nn.Module,
    width: int,
    spec: DataSpec,
    *,
    dropout: float,
    scale: float = 1.0,
    measures: Sequence[str] = ("accuracy",),
) -> TorchGraph:
    """A linear layer with dropout on a trunk, for one class, several or a number.

    Args:
        width: of what the trunk makes of a sample.
        measures: metrics of classes; those of other labels are always the same.
    """
    form = kind_of(spec).form
    count = 2 if form == "value" else len(spec.classes)
    head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, count))
    if form == "value":
        middle, unit = spec.details["middle"], spec.details["unit"]
        return RegressionGraph(trunk, head, spec, scale=scale, middle=middle, unit=unit)
    if form == "choices":
        return MultiLabelGraph(trunk, head, spec, scale=scale)
    return ClassificationGraph(trunk, head, spec, scale=scale, measures=measures)
