"""Your own images, in folders."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ImageFolderLoader, images_given
from al.graphs import ClassificationGraph, small_cnn


@tasks.register("image-folder")
class ImageFolder(Task):
    """Your images in a folder: `train/CLASS/…` is labelled, the rest is the pool; a small CNN."""

    metric = "accuracy"

    def __init__(self, data: str, image_size: int = 64) -> None:
        self._data, self._size = data, image_size

    def data(self) -> ImageFolderLoader:
        return ImageFolderLoader(self._data, self._size)

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        return small_cnn(spec)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return images_given(given, spec)
