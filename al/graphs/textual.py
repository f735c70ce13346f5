"""Small networks over texts that are numbers already."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from al.contracts import DataSpec
from al.graphs.base import TorchGraph
from al.graphs.heads import graph_on


def text_embedding(spec: DataSpec, measures: Sequence[str] = ("accuracy",)) -> TorchGraph:
    """An embedding of 128 numbers learned from bags of words [N, F], and a linear layer on it."""
    trunk = nn.Sequential(nn.Linear(spec.input_shape[0], 128), nn.ReLU())
    return graph_on(trunk, 128, spec, dropout=0.5, measures=measures)


def text_linear(spec: DataSpec, measures: Sequence[str] = ("accuracy",)) -> TorchGraph:
    """A linear layer on the features themselves."""
    width = spec.input_shape[0]
    return graph_on(nn.Identity(), width, spec, dropout=0.2, measures=measures)
