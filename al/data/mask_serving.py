"""Images into a served version of masks, and masks out of it in the sizes of the images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from al.contracts import DataSpec
from al.data.image_loader import content_of, grids_given, squares_given
from al.data.images import about
from al.data.placing import Place, nearest, place_of

#: Numbers that say where an image lies in its square.
PLACE = 4


def with_cover(squares: np.ndarray, places: Sequence[Place]) -> np.ndarray:
    """Squares with a fourth channel, 255 where the image is: uint8 [n, size, size, 4]."""
    cover = np.zeros((*squares.shape[:3], 1), np.uint8)
    for number, place in enumerate(places):
        cover[number][place.slices] = 255
    return np.concatenate([squares, cover], axis=3)


def with_places(rows: np.ndarray, places: Sequence[Place]) -> np.ndarray:
    """Rows of maps [n, …] with top, left, height and width of each image in its square."""
    found = [[place.top, place.left, place.height, place.width] for place in places]
    return np.concatenate([rows, np.array(found, rows.dtype).reshape(-1, PLACE)], axis=1)


def covered_given(given: Any, spec: DataSpec) -> np.ndarray:
    """What a user hands to a served version as its graph takes it, uint8 [n, size, size, 4], or
    maps of features with places.

    A table with a column `image` of files' bytes or paths, or an array of whole squares.

    Raises:
        SamplesError: says which rows are not images.
    """
    import pandas as pd

    size = spec.image_shape[0]
    if not isinstance(given, pd.DataFrame):
        found = np.asarray(given)
        if found.shape[1:] == tuple(spec.input_shape):
            return found.astype(spec.input_dtype, copy=False)
    squares = squares_given(given, size)
    places = places_given(given, len(squares), size)
    rows = grids_given(squares, spec)
    return with_cover(rows, places) if rows is squares else with_places(rows, places)


def places_given(given: Any, count: int, size: int) -> list[Place]:
    """Where each of the images that a user hands in lies in its square."""
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        return [place_of(size, size, size)] * count
    abouts = [about(content_of(cell)) for cell in given["image"]]
    return [place_of(found.width, found.height, size) for found in abouts]


def masks_given(given: Any, spec: DataSpec, predicted: np.ndarray) -> Any:
    """Masks of squares, uint8 [n, size, size], as a user of a served version gets them.

    Of a table a table: `mask`, a grey PNG file of the size of its image, in which a class is its
    position in the classes; `share_CLASS`, of the image's pixels. Of an array they stay.
    """
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        return predicted
    files, shares = [], np.zeros((len(predicted), len(spec.classes)))
    for number, place in enumerate(places_given(given, len(predicted), spec.image_shape[0])):
        own = predicted[number][place.slices]
        counts = np.bincount(own.ravel(), minlength=len(spec.classes))
        shares[number] = counts[: len(spec.classes)] / own.size
        files.append(_png(nearest(own, place.down, place.across)))
    columns = {f"share_{name}": shares[:, place] for place, name in enumerate(spec.classes)}
    return pd.DataFrame({"mask": pd.Series(files, dtype=object), **columns})


def _png(mask: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()
