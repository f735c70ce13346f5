"""Masks in the square that is learned from, and as large as their image."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.contracts import Label
from al.data.placing import Place, nearest
from al.errors import LabelError
from al.masks import VOID, decode_mask, encode_mask

#: Where a label keeps the mask as it was painted, if the square is coarser.
FULL = "full"


def in_square(mask: np.ndarray, place: Place, size: int) -> np.ndarray:
    """A mask as large as its image in the square [size, size], `VOID` beside the image."""
    square = np.full((size, size), VOID, np.uint8)
    square[place.slices] = nearest(mask, place.height, place.width)
    return square


def out_of_square(square: np.ndarray, place: Place) -> np.ndarray:
    """A mask of the square as large as its image."""
    return nearest(square[place.slices], place.down, place.across)


def as_painted(label: Any, place: Place, classes: int) -> dict[str, Any]:
    """A label of the square as a label as large as its image."""
    if FULL in label:
        return dict(label[FULL])
    return encode_mask(out_of_square(decode_mask(label, classes, void=True), place))


def as_learned(painted: Label, place: Place, size: int, classes: int) -> Label:
    """A label as large as its image as a label of the square, which loses nothing of it.

    Raises:
        LabelError: it is not a mask, or of another size than the image and the square.
    """
    mask = decode_mask(painted, classes, void=True)
    if mask.shape == (size, size) != (place.down, place.across):
        return painted  # it is of the square already
    if mask.shape != (place.down, place.across):
        raise LabelError(
            f"a mask is {mask.shape[0]} × {mask.shape[1]} pixels, its image {place.down} × "
            f"{place.across}: draw it anew"
        )
    label = encode_mask(in_square(mask, place, size))
    finer = place.down > place.height or place.across > place.width
    return {**label, FULL: encode_mask(mask)} if finer else label
