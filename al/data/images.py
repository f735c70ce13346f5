"""Image files as squares of one size, whatever they are."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from al.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

#: What image files are called that every Pillow reads, and those that need more than that.
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"})
AVIF, HEIC = frozenset({".avif"}), frozenset({".heic", ".heif"})
#: How photographs of phones are read.
NEED_HEIC = "pip install 'active-learning-pipeline[heic]'"
#: Most pixels of an image; those of more than LARGE are decoded one at a time, as each takes some
#: 4 bytes a pixel (24 where it has 16 bits).
PIXELS, LARGE = 100_000_000, 16_000_000
TOO_LARGE = f"more than {PIXELS // 1_000_000} million pixels: make it smaller"
#: Formats in which several pictures follow each other; in others they are small previews.
FRAMES = frozenset({"GIF", "WEBP", "PNG", "AVIF", "TIFF"})
#: Side of the squares where nobody says another.
SIZE = 64


_one_large = Lock()


class About(NamedTuple):
    """What an image file says of itself.

    Attributes:
        width, height: in pixels, upright.
        frames: pictures or pages in it, of which the first is the image.
    """

    width: int
    height: int
    frames: int


def readable() -> frozenset[str]:
    """What image files are called that can be read here."""
    from PIL import features

    avif = AVIF if features.check("avif") else frozenset()
    return SUFFIXES | avif | (HEIC if _heif() else frozenset())


@lru_cache
def _heif() -> bool:
    """Teach Pillow to read HEIC, where that is installed."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def decode(content: bytes, size: int) -> np.ndarray:
    """An image file as uint8 [size, size, 3]: upright, whole, on black where it is not a square.

    Raises:
        DataError: it is not an image, damaged or too large; the message is the reason alone.
    """
    from PIL import Image, ImageOps

    with _upright(content, 2 * size) as image:
        shown = ImageOps.pad(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(shown, dtype=np.uint8)


def preview(content: bytes, most: int) -> np.ndarray:
    """An image file as a person sees it, uint8 [H, W, 3], no side longer than `most`.

    Raises:
        DataError: as of `decode`.
    """
    with _upright(content, most) as image:
        image.thumbnail((most, most))
    return np.asarray(image, dtype=np.uint8)


def about(content: bytes) -> About:
    """What an image file says of itself; it is not decoded.

    Raises:
        DataError: as of `decode`.
    """
    from PIL import Image

    with opened(content) as image:
        width, height = image.size
        exif = Image.Image.getexif(image)  # that of PNG would decode it
        if exif.get(0x0112, 1) >= 5:  # turned by a quarter
            width, height = height, width
        frames = getattr(image, "n_frames", 1) if image.format in FRAMES else 1
        return About(width, height, frames)


@contextmanager
def opened(content: bytes) -> Iterator[Image.Image]:
    """The file as Pillow has it, not yet decoded; whatever goes wrong with it is a `DataError`."""
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise DataError("empty file")
    if b"ftyp" in content[:12] and not _heif() and content[8:12] in (b"heic", b"heix", b"mif1"):
        raise DataError(f"HEIC: {NEED_HEIC}, or save it as JPEG")
    try:
        with Image.open(io.BytesIO(content)) as image:
            yield image
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(TOO_LARGE) from None
    except Exception as error:  # Pillow raises many kinds for a damaged file
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        unknown = isinstance(error, UnidentifiedImageError)
        raise DataError("no image" if unknown else reason) from None


@contextmanager
def _upright(content: bytes, near: int) -> Iterator[Image.Image]:
    """The image in RGB and upright; a JPEG at no less than `near`, or as it is.

    16 bits become 8 by their upper half, floats by stretching; what is transparent is white.
    """
    from PIL import ImageOps

    with opened(content) as image:
        image.draft(None, (near, near))  # a large JPEG need not be decoded whole
        with decoding(image):
            image.load()
            yield _rgb(ImageOps.exif_transpose(image))


@contextmanager
def decoding(image: Image.Image) -> Iterator[None]:
    """Open while an image is decoded, one at a time where it is large.

    Raises:
        DataError: it is too large; the message is the reason alone.
    """
    pixels = image.width * image.height
    if pixels > PIXELS:
        raise DataError(TOO_LARGE)
    with _one_large if pixels > LARGE else nullcontext():
        yield


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
