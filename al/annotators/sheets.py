"""Contact sheets for people: samples as pictures, numbered like the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

#: Tiles on a sheet and in a row of it; their size and that of the number below, in pixels.
MOST, ACROSS, TILE, CAPTION = 100, 10, 112, 20


def enlarged(image: np.ndarray, least: int) -> Image:
    """An image as PIL knows it, each pixel a crisp square where it is small."""
    from PIL import Image

    picture = Image.fromarray(image).convert("RGB")
    times = max(1, least // max(picture.size))
    size = (picture.width * times, picture.height * times)
    return picture.resize(size, Image.Resampling.NEAREST)


def sheets(images: Sequence[np.ndarray], captions: Sequence[str]) -> list[Image]:
    """All images, a hundred a sheet, each with its caption below."""
    from PIL import Image, ImageDraw

    found = []
    for start in range(0, len(images), MOST):
        shown = images[start : start + MOST]
        size = (min(ACROSS, len(shown)) * TILE, -(-len(shown) // ACROSS) * (TILE + CAPTION))
        sheet = Image.new("RGB", size, "white")
        draw = ImageDraw.Draw(sheet)
        for place, image in enumerate(shown):
            x, y = place % ACROSS * TILE, place // ACROSS * (TILE + CAPTION)
            tile = enlarged(image, TILE - 6)
            if max(tile.size) > TILE - 6:
                tile.thumbnail((TILE - 6, TILE - 6))
            sheet.paste(tile, (x + (TILE - tile.width) // 2, y + (TILE - tile.height) // 2))
            draw.text((x + 4, y + TILE + 2), captions[start + place], fill="black", font_size=14)
        found.append(sheet)
    return found
