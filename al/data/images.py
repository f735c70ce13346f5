"""Image files as squares of one size, whatever they are."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np

from al.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

#: What image files are called.
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"})
#: Side of the squares where nobody says another.
SIZE = 64


def decode(content: bytes, size: int) -> np.ndarray:
    """An image file as uint8 [size, size, 3]: upright, whole, on black where it is no square.

    Raises:
        DataError: it is no image, or damaged; the message is the reason alone.
    """
    from PIL import Image, ImageOps

    shown = ImageOps.pad(_upright(content, 2 * size), (size, size), Image.Resampling.BILINEAR)
    return np.asarray(shown, dtype=np.uint8)


def preview(content: bytes, most: int) -> np.ndarray:
    """An image file as a person sees it, uint8 [H, W, 3], no side longer than `most`.

    Raises:
        DataError: as of `decode`.
    """
    image = _upright(content, most)
    image.thumbnail((most, most))
    return np.asarray(image, dtype=np.uint8)


def _upright(content: bytes, near: int) -> Image.Image:
    """The image in RGB and upright; a JPEG at no less than `near`, or as it is.

    16 bits become 8 by their upper half, floats by stretching; what is transparent is white.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise DataError("empty file")
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft(None, (near, near))  # a large JPEG need not be decoded whole
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # Pillow raises many kinds for a damaged file
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        unknown = isinstance(error, UnidentifiedImageError)
        raise DataError("no image" if unknown else reason) from None


def _rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        low, high = 0.0, 65535.0
        if image.mode == "F" or values.min() < 0 or values.max() > high:
            finite = values[np.isfinite(values)]
            low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        values = np.nan_to_num((values - low) / max(high - low, 1e-12), nan=0.0, posinf=1.0)
        image = Image.fromarray(np.clip(values * 255.0, 0, 255).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def digest(content: bytes) -> str:
    """Identity of what is in a file."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()
