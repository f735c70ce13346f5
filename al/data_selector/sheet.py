"""The contact sheet: the query as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from al.contracts import DataLoader, Query

if TYPE_CHECKING:
    from PIL.Image import Image

#: Most samples shown, size of a tile and of its caption in pixels.
MOST, TILE, CAPTION = 100, 84, 26


def contact_sheet(query: Query, data: DataLoader) -> Image | None:
    """The first samples of the query in the order of asking, each with rank and score.

    Below that, what the champion believes it to be and how surely, in per cent.

    None where the samples are no images.
    """
    from PIL import Image, ImageDraw

    shown = query.ids[:MOST]
    previews = [image for id in shown if (image := data.preview(id).image) is not None]
    if len(previews) < len(shown):
        return None
    columns = min(10, max(1, int(np.ceil(np.sqrt(len(shown))))))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * TILE, rows * (TILE + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, image in enumerate(previews):
        x, y = place % columns * TILE, place // columns * (TILE + CAPTION)
        tile = Image.fromarray(image).convert("RGB")
        grow = min((TILE - 4) / tile.width, (TILE - 4) / tile.height)
        size = (max(1, int(tile.width * grow)), max(1, int(tile.height * grow)))
        sheet.paste(tile.resize(size, Image.Resampling.NEAREST), (x + 2, y + 2))
        draw.text((x + 3, y + TILE), f"{place + 1}: {query.scores[place]:.3f}", fill="black")
        if query.predicted:
            believed = f"{str(query.predicted[place])[:9]} {query.confidence[place]:.0%}"
            draw.text((x + 3, y + TILE + 12), believed, fill="dimgray")
    return sheet
