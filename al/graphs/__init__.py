"""Graphs: network, optimizer, scheduler and loss, one superclass for each kind of problem."""

from al.graphs.augmenting import AUGMENTS
from al.graphs.base import TorchGraph
from al.graphs.classification import ClassificationGraph
from al.graphs.classifier import classifier
from al.graphs.covered import covered_unet
from al.graphs.crossed import FOLDS, Crossed, parted
from al.graphs.detection import DetectionGraph
from al.graphs.entities import EntityGraph
from al.graphs.estimator import EstimatorGraph
from al.graphs.fields import FieldGraph
from al.graphs.grids import grid_boxes, grid_masks
from al.graphs.linear import fit_head, fit_losses, head_on, normalised
from al.graphs.multilabel import MultiLabelGraph
from al.graphs.regression import RegressionGraph
from al.graphs.segmentation import SegmentationGraph
from al.graphs.sklearn_names import estimator_named
from al.graphs.small_cnn import ChannelsFirst, small_cnn
from al.graphs.small_detector import detector_trunk, small_detector
from al.graphs.tabular import mlp
from al.graphs.tagger import token_tagger
from al.graphs.tensors import load_tree, save_tree
from al.graphs.textual import text_embedding, text_linear
from al.graphs.unet import UNet

__all__ = [
    "AUGMENTS",
    "FOLDS",
    "ChannelsFirst",
    "ClassificationGraph",
    "Crossed",
    "DetectionGraph",
    "EntityGraph",
    "EstimatorGraph",
    "FieldGraph",
    "MultiLabelGraph",
    "RegressionGraph",
    "SegmentationGraph",
    "TorchGraph",
    "UNet",
    "classifier",
    "covered_unet",
    "detector_trunk",
    "estimator_named",
    "fit_head",
    "fit_losses",
    "grid_boxes",
    "grid_masks",
    "head_on",
    "load_tree",
    "mlp",
    "normalised",
    "parted",
    "save_tree",
    "small_cnn",
    "small_detector",
    "text_embedding",
    "text_linear",
    "token_tagger",
]
