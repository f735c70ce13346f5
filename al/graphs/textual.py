"""Small networks over texts that are numbers already."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from al.contracts import DataSpec
from al.graphs.classification import ClassificationGraph


def text_embedding(spec: DataSpec, measures: Sequence[str] = ("accuracy",)) -> ClassificationGraph:
    """An embedding of 128 numbers learned from bags of words [N, F], and a linear layer on it."""
    trunk = nn.Sequential(nn.Linear(spec.input_shape[0], 128), nn.ReLU())
    head = nn.Sequential(nn.Dropout(0.5), nn.Linear(128, len(spec.classes)))
    return ClassificationGraph(trunk, head, spec, measures=measures)


def text_linear(spec: DataSpec, measures: Sequence[str] = ("accuracy",)) -> ClassificationGraph:
    """A linear layer on the features themselves."""
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(spec.input_shape[0], len(spec.classes)))
    return ClassificationGraph(nn.Identity(), head, spec, measures=measures)
