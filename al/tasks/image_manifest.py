"""Your own images, listed in a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ImageManifestLoader, images_given
from al.graphs import ClassificationGraph, small_cnn


@tasks.register("image-manifest")
class ImageManifest(Task):
    """Your images, listed in a CSV or parquet file with labels and whatever you know of them."""

    metric = "accuracy"

    def __init__(self, data: str, target: str = "label", image_size: int = 64) -> None:
        self._data, self._label, self._size = data, target, image_size

    def data(self) -> ImageManifestLoader:
        return ImageManifestLoader(self._data, self._label, self._size)

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        return small_cnn(spec)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return images_given(given, spec)
