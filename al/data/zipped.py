"""Images in zip files, read with pillow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from zipfile import ZipFile

import numpy as np

from al.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


def read_image(members: ZipFile, name: str) -> Image:
    """One image of a zip file, decoded.

    Raises:
        DataError: it is not there, or no image; names the file.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(members.read(name)))
        image.load()
    except (KeyError, OSError, UnidentifiedImageError, SyntaxError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise DataError(
            f"{name} in {members.filename} is missing or no image ({reason}): fetch it again"
        ) from error
    return image


def shrunk(image: Image, width: int, height: int) -> np.ndarray:
    """The image at a smaller size, each pixel the mean of those it stands for."""
    from PIL import Image

    return np.asarray(image.resize((width, height), Image.Resampling.BOX))
