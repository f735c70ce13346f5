"""Graphs: network, optimizer, scheduler and loss, one superclass for each kind of problem."""

from al.graphs.base import TorchGraph
from al.graphs.classification import ClassificationGraph
from al.graphs.tensors import load_tree, save_tree

__all__ = ["ClassificationGraph", "TorchGraph", "load_tree", "save_tree"]
