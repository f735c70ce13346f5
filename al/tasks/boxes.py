"""Your own images and boxes, in the formats of the field."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Graph
from al.data.boxes import BoxLoader, boxes_given, read_coco, read_voc, read_yolo
from al.data.boxes.loader import Reader
from al.data.image_loader import grids_given, squares_given
from al.graphs import grid_boxes, small_detector
from al.tasks.encoded import MappedTask

#: Side of the squares where nobody says another: things are smaller than their images.
SIZE = 128


class OwnBoxes(MappedTask):
    """Boxes in a user's own images; what they are read from, a subclass says."""

    #: What `data` may name besides a folder.
    suffixes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, data: str, image_size: int = 0, classes: str = "none", encoder: str = "auto"
    ) -> None:
        super().__init__(encoder, image_size, SIZE)
        self._data, self._classes = data, classes

    @abstractmethod
    def reader(self) -> Reader:
        """What reads the files."""

    def data(self) -> BoxLoader:
        return BoxLoader(
            self._data, self._side, self.reader(), self.suffixes, self._classes, self.encoder()
        )

    def head(self, spec: DataSpec) -> Graph:
        return grid_boxes(spec, spec.details["usual"])

    def network(self, spec: DataSpec) -> Graph:
        return small_detector(spec, spec.details["usual"])

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return grids_given(squares_given(given, spec.image_shape[0]), spec)

    def answers(self, spec: DataSpec, given: Any, predicted: Any) -> Any:
        return boxes_given(given, spec, predicted)


@tasks.register("coco")
class CocoBoxes(OwnBoxes):
    """Your images and boxes in COCO's JSON; images that it does not list are the pool."""

    suffixes = (".json",)

    def reader(self) -> Reader:
        return read_coco


@tasks.register("voc")
class VocBoxes(OwnBoxes):
    """Your images and boxes in Pascal VOC's XML; images without a file are the pool."""

    def reader(self) -> Reader:
        return read_voc


@tasks.register("yolo")
class YoloBoxes(OwnBoxes):
    """Your images and boxes in YOLO's text files; images without one are the pool."""

    suffixes = (".yaml", ".yml")

    def reader(self) -> Reader:
        return read_yolo
