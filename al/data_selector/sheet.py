"""The contact sheet: the query as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from al.contracts import DataLoader, DataSpec, Label, Preview, Query
from al.masks import decode_mask

if TYPE_CHECKING:
    from PIL.Image import Image

#: Most samples shown, size of a tile and of its caption in pixels.
MOST, TILE, CAPTION = 100, 84, 26
#: Larger tiles for what is drawn into them.
LARGE = 132
#: Colours of classes, in their order, and of a mask the share of it that covers the image.
COLOURS = (
    (230, 60, 60), (60, 140, 240), (70, 190, 80), (240, 170, 40), (170, 90, 220), (40, 190, 190),
)  # fmt: skip
COVER = 0.45


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
    plain = data.spec.kind == "class" and all(p.image is not None for p in previews)
    side = TILE if plain else LARGE
    columns = min(10, max(1, int(np.ceil(np.sqrt(len(shown))))))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, preview in enumerate(previews):
        x, y = place % columns * side, place // columns * (side + CAPTION)
        believed = query.predicted[place] if query.predicted else None
        sheet.paste(_tile(preview, believed, data.spec, side - 4), (x + 2, y + 2))
        draw.text((x + 3, y + side), f"{place + 1}: {query.scores[place]:.3f}", fill="black")
        if query.predicted:
            said = _said(believed, query.confidence[place], data.spec)
            draw.text((x + 3, y + side + 12), said[: side // 6], fill="dimgray")
    return sheet


def _tile(preview: Preview, believed: Label, spec: DataSpec, side: int) -> Image:
    """A sample at most this large, with what is believed of it where that has a place."""
    from PIL import Image, ImageDraw

    if preview.image is None:
        return _card(preview.row or {}, side)
    image = preview.image
    if spec.kind == "mask" and believed is not None:
        image = _covered(image, decode_mask(believed, len(spec.classes)))
    tile = Image.fromarray(image).convert("RGB")
    grow = min(side / tile.width, side / tile.height)
    size = (max(1, int(tile.width * grow)), max(1, int(tile.height * grow)))
    tile = tile.resize(size, Image.Resampling.NEAREST)
    if spec.kind == "boxes" and believed is not None:
        draw = ImageDraw.Draw(tile)
        high, wide = spec.input_shape[:2]
        across, down = size[0] / wide, size[1] / high
        for box in believed:
            x, y, width, height = box["box"]
            corners = (x * across, y * down, (x + width) * across - 1, (y + height) * down - 1)
            colour = COLOURS[spec.classes.index(box["label"]) % len(COLOURS)]
            draw.rectangle(corners, outline=colour)
    return tile


def _covered(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image tinted where the mask is no background, which is class 0."""
    tinted = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image.copy()
    for number in np.unique(mask[mask > 0]):
        colour = np.array(COLOURS[(number - 1) % len(COLOURS)])
        where = mask == number
        tinted[where] = ((1 - COVER) * tinted[where] + COVER * colour).astype(np.uint8)
    return tinted


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


def _said(believed: Label, sure: float, spec: DataSpec) -> str:
    """What is believed and how surely, in a few letters."""
    if spec.kind == "number":
        return f"{believed:.4g} ± {sure:.3g}"
    if spec.kind == "labels":
        return f"{sure:.0%} {', '.join(believed) or 'none'}"
    if spec.kind == "boxes":
        return f"{len(believed)} boxes {sure:.0%}"
    if spec.kind == "mask":
        mask = decode_mask(believed, len(spec.classes))
        return f"{(mask > 0).mean():.0%} foreground"
    return f"{str(believed)[:9]} {sure:.0%}"
