"""Your own images and masks, in a folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Graph
from al.data import MaskFolderLoader, covered_given, masks_given
from al.data.images import SIZE
from al.graphs import covered_unet, grid_masks
from al.tasks.encoded import MappedTask


@tasks.register("mask-folder")
class MaskFolder(MappedTask):
    """Your images in a folder, with PNG masks of the same names; what has none is the pool."""

    def __init__(
        self,
        data: str,
        image_size: int = 0,
        classes: str = "none",
        background: str = "auto",
        ignore: str = "none",
        encoder: str = "auto",
    ) -> None:
        super().__init__(encoder, image_size, SIZE)
        self._data, self._asked = data, (classes, background, ignore)

    def data(self) -> MaskFolderLoader:
        return MaskFolderLoader(self._data, self._side, *self._asked, self.encoder())

    def head(self, spec: DataSpec) -> Graph:
        return grid_masks(spec)

    def network(self, spec: DataSpec) -> Graph:
        return covered_unet(spec)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return covered_given(given, spec)

    def answers(self, spec: DataSpec, given: Any, predicted: Any) -> Any:
        return masks_given(given, spec, predicted)
