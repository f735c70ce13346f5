"""Masks in image files: a whole number for each pixel, kept in the square of their image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from al.data.colour_map import ColourMap, packed_of, written
from al.data.images import decoding, opened
from al.data.packs import Packs
from al.data.pictures import Pictures
from al.data.placing import nearest, place_of
from al.errors import DataError
from al.kept import cache_folder
from al.masks import VOID

if TYPE_CHECKING:
    from PIL import Image

#: What masks are called; other types are read as images are, and change values.
SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif")
#: Version of how masks are kept; other versions are ignored.
FORMAT = 1


class MaskPictures(Pictures):
    """Masks by the digest of their files, uint16 [size, size], 0 beside them.

    A mask is summarised by its width, its height and the values in it, ascending.

    Args:
        colours: masks are in these; None where they say values themselves.
    """

    def __init__(self, size: int, colours: ColourMap | None = None) -> None:
        self.size, self._colours = size, colours
        more = f"-{colours.name}" if colours else ""
        folder = cache_folder("images") / f"masks-{size}px-{FORMAT}{more}"
        Packs.__init__(self, folder, (size, size), "uint16", "masks")

    def looked_at(self, content: bytes, known: bool) -> tuple[np.ndarray | None, tuple[int, ...]]:
        values = self.values(content)
        place = place_of(values.shape[1], values.shape[0], self.size)
        square = np.zeros((self.size, self.size), np.uint16)
        square[place.slices] = nearest(values, place.height, place.width)
        return square, (place.across, place.down, *np.unique(values).tolist())

    def values(self, content: bytes) -> np.ndarray:
        """The values of a mask, uint16 [H, W]; see `values_in`."""
        return values_in(content, self._colours)


def values_in(content: bytes, colours: ColourMap | None = None) -> np.ndarray:
    """The values of a mask, uint16 [H, W]: of a palette the positions in it, of grey the grey.

    Where there are colours, those of the palette and of grey count as such.

    Raises:
        DataError: it is not a mask, damaged or too large; the message is the reason alone.
    """
    with opened(content) as image, decoding(image):
        values = colours.values(np.asarray(image.convert("RGB"))) if colours else _values(image)
        if (several := len(np.unique(values))) > VOID:
            raise DataError(f"{several} different values: it is not a mask of classes")
        return values.astype(np.uint16)


def _values(image: Image.Image) -> np.ndarray:
    bands = np.asarray(image)
    if bands.ndim == 3:
        colours = bands[..., : 3 if bands.shape[2] >= 3 else 1]  # grey and alpha have two bands
        if (colours != colours[..., :1]).any():
            found = np.unique(packed_of(colours))
            some = ", ".join(written(int(colour)) for colour in found[:3])
            raise DataError(
                f"in {len(found)} colours ({some}{' …' if len(found) > 3 else ''}): say what they "
                f"mean, classes={written(int(found[0]))}=NAME,…, or save it in grey"
            )
        bands = colours[..., 0]
    if bands.dtype.kind == "f" or bands.min(initial=0) < 0 or bands.max(initial=0) > 65535:
        raise DataError("values that are not whole numbers from 0 to 65535")
    return bands
