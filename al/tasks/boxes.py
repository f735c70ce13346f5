"""Your own images and boxes, in the formats of the field."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import images_given
from al.data.boxes import BoxLoader, boxes_given, read_coco, read_voc, read_yolo
from al.data.boxes.loader import Reader
from al.graphs import DetectionGraph, small_detector

#: Side of the squares where nobody says another: things are smaller than their images.
SIZE = 128


class OwnBoxes(Task):
    """Boxes in a user's own images; what they are read from, a subclass says."""

    #: What `data` may name besides a folder.
    suffixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, data: str, image_size: int = 0, classes: str = "none") -> None:
        self._data, self._side, self._classes = data, image_size or SIZE, classes

    @abstractmethod
    def reader(self) -> Reader:
        """What reads the files."""

    def data(self) -> BoxLoader:
        return BoxLoader(self._data, self._side, self.reader(), self.suffixes, self._classes)

    def graph(self, spec: DataSpec) -> DetectionGraph:
        return small_detector(spec, spec.details["usual"])

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return images_given(given, spec)

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
