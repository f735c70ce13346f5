"""Nuclei: which pixels of a micrograph belong to a cell's nucleus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from torch import nn

from al.catalog import tasks
from al.contracts import DataSpec, Encoder
from al.data import ArrayLoader, MappedArrays, fetch, masks_given, read_image, shrunk
from al.data.encoding import DETAIL
from al.data.placing import nearest
from al.errors import DataError
from al.graphs import SegmentationGraph, UNet, grid_masks
from al.tasks.encoded import BuiltInMapped

URL = "https://bbbc.broadinstitute.org/BBBC038/"
SHA256 = "d9cbda54ec9edfebaa0cd3c65845ecfee9f88f680705a6b64f111cce9c2fe461"
#: Side of the images in the file, and of what is learned from without an encoder, in pixels.
WHOLE, SIDE = 256, 64
#: Every so manieth image, in the order of their names, is test.
TEST = 4


@tasks.register("nuclei")
class Nuclei(BuiltInMapped):
    """334 micrographs of cells, 64 × 64 grey; which pixels are nuclei; a small U-Net.

    Caicedo et al. (2019), Nucleus segmentation across imaging experiments: the 2018 Data
    Science Bowl; BBBC038, CC0. The fluorescence images of 256 × 256, with their nuclei
    numbered, repacked in one file and brought to a quarter of their side. Every fourth is test.
    With `encoder=efficientnet-lite0` a small head learns on its maps of features, at its size.
    """

    metric = "mean_iou"
    classes: tuple[str, ...] = ("background", "nucleus")

    def data(self) -> ArrayLoader:
        return load(self.classes, self.mask, self.encoder())

    def mask(self, numbered: np.ndarray) -> np.ndarray:
        """The classes of pixels, by the nuclei numbered from 1, with 0 for the background."""
        return (numbered > 0).astype(np.uint8)

    def answers(self, spec: DataSpec, given: Any, predicted: Any) -> Any:
        return masks_given(given, spec, predicted) if DETAIL in spec.details else predicted

    def head(self, spec: DataSpec) -> SegmentationGraph:
        return grid_masks(spec, placed=False)

    def network(self, spec: DataSpec) -> SegmentationGraph:
        width = 8
        head = nn.Sequential(
            nn.Dropout2d(0.3), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, len(spec.classes), 1),
        )  # fmt: skip
        return SegmentationGraph(UNet(1, width), head, spec, scale=255.0)


def load(
    classes: tuple[str, ...],
    mask_of: Callable[[np.ndarray], np.ndarray],
    encoder: Encoder | None = None,
) -> ArrayLoader:
    """The images with their masks.

    Args:
        mask_of: from nuclei numbered from 1, with 0 for the background, to classes; at the
            size that is learned from.
        encoder: makes maps of the images, which are in colour and of its size then.

    Raises:
        DataError: a file is missing or no image, or a mask has another size than its image.
    """
    path = fetch("nuclei", "nuclei_dsb2018_256.zip", URL, SHA256)
    images, masks, names = [], [], []
    side, mode = (encoder.size, "RGB") if encoder else (SIDE, "L")
    try:
        with ZipFile(path) as members:
            for name in sorted(members.namelist()):
                folder, _, file = name.partition("/")
                if folder != "images" or not file.endswith(".png"):
                    continue
                image, numbered = read_image(members, name), read_image(members, f"labels/{file}")
                if image.size != numbered.size or image.size != (WHOLE, WHOLE):
                    raise DataError(
                        f"labels/{file} in {path} is {numbered.size[0]} × {numbered.size[1]}, its "
                        f"image {image.size[0]} × {image.size[1]}: fetch it again"
                    )
                images.append(shrunk(image.convert(mode), side, side))
                masks.append(mask_of(nearest(np.asarray(numbered), side, side)))
                names.append(file.removesuffix(".png"))
    except BadZipFile as error:
        raise DataError(f"{path} is not a zip file ({error}): fetch it again") from error
    held = names, np.stack(images), np.stack(masks), classes, names[::TEST], "mask"
    return MappedArrays(encoder, *held) if encoder else ArrayLoader(*held)
