"""The contact sheet: the query as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from al.contracts import DataLoader, Label, Preview, Query
from al.kinds import Kind, kind_of

if TYPE_CHECKING:
    from PIL.Image import Image

#: Most samples shown, size of a tile and of its caption in pixels.
MOST, TILE, CAPTION = 100, 84, 26
#: Larger tiles for what is drawn into them.
LARGE = 132


def contact_sheet(query: Query, data: DataLoader) -> Image | None:
    """The first samples of the query in the order of asking, each with rank and score.

    Below that, what the champion believes it to be and how surely, in per cent; masks and boxes
    are drawn into the image, in the colours of their classes. A row shows its values.

    None where the samples are neither images nor rows.
    """
    from PIL import Image, ImageDraw

    shown = query.ids[:MOST]
    previews = [preview for id in shown if (preview := data.preview(id)).text is None]
    if len(previews) < len(shown):
        return None
    kind = kind_of(data.spec)
    plain = not kind.large and all(p.image is not None for p in previews)
    side = TILE if plain else LARGE
    columns = min(10, max(1, int(np.ceil(np.sqrt(len(shown))))))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, preview in enumerate(previews):
        x, y = place % columns * side, place // columns * (side + CAPTION)
        believed = query.predicted[place] if query.predicted else None
        sheet.paste(_tile(preview, believed, kind, side - 4), (x + 2, y + 2))
        draw.text((x + 3, y + side), f"{place + 1}: {query.scores[place]:.3f}", fill="black")
        if query.predicted:
            said = kind.believed(believed, query.confidence[place])
            draw.text((x + 3, y + side + 12), said[: side // 6], fill="dimgray")
    return sheet


def _tile(preview: Preview, believed: Label | None, kind: Kind, side: int) -> Image:
    """A sample at most this large, with what is believed of it where that has a place."""
    if preview.image is None:
        return _card(preview.row or {}, side)
    high, wide = preview.image.shape[:2]
    grow = min(side / wide, side / high)
    return kind.drawn(preview.image, believed, (max(1, int(wide * grow)), max(1, int(high * grow))))


def _card(row: Any, side: int) -> Image:
    """A row's first values, as text; zeros tell least and are left out."""
    from PIL import Image, ImageDraw

    card = Image.new("RGB", (side, side), "whitesmoke")
    values = [(name, value) for name, value in row.items() if value != 0]
    lines = [f"{name}: {_short(value)}"[: side // 6] for name, value in values]
    ImageDraw.Draw(card).multiline_text(
        (4, 2), "\n".join(lines[: side // 15]), fill="black", spacing=1
    )
    return card


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
