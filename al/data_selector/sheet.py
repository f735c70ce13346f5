"""The contact sheet: the query as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from al.contracts import DataLoader, Label, Preview, Query
from al.kinds import Kind, kind_of
from al.kinds.colours import of_class

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

#: Most samples shown; size of a tile, height of a line of its caption, size of letters, pixels.
MOST, TILE, LINE, LETTERS = 100, 128, 17, 13
#: Larger tiles for what is drawn into them.
LARGE = 200
#: Classes whose colours the legend names.
NAMED = 8
_INK, _SOFT = "#1c2430", "#5b6675"


def contact_sheet(query: Query, data: DataLoader) -> Image | None:
    """The first samples of the query in the order of asking, each with rank and score.

    Below that, what the champion believes it to be and how surely, in per cent; masks and boxes
    are drawn into the image, in the colours of their classes. A row shows its values. A legend
    says what is what; where all scores are alike they say nothing and are left out.

    None where the samples are neither images nor rows.
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = query.ids[:MOST]
    previews = [preview for id in shown if (preview := data.preview(id)).text is None]
    if len(previews) < len(shown):
        return None
    kind = kind_of(data.spec)
    plain = not kind.large and all(p.image is not None for p in previews)
    side, scored = TILE if plain else LARGE, len({*query.scores}) > 1
    caption = LINE * (2 if query.predicted else 1) + 6
    columns = min(8, max(1, int(np.ceil(np.sqrt(len(shown))))))
    rows = -(-len(shown) // columns)
    wide = max(columns * side, 420)
    coloured = _coloured(kind, query)
    foot = LINE * (2 + -(-len(coloured) // 4))
    sheet = Image.new("RGB", (wide, rows * (side + caption) + foot), "white")
    draw = ImageDraw.Draw(sheet)
    draw.font = ImageFont.load_default(LETTERS)
    for place, preview in enumerate(previews):
        x, y = place % columns * side, place // columns * (side + caption)
        believed = query.predicted[place] if query.predicted else None
        sheet.paste(_tile(preview, believed, kind, side - 8), (x + 4, y + 4))
        text = f"{place + 1}: {query.scores[place]:.3f}" if scored else f"{place + 1}"
        draw.text((x + 5, y + side - 2), text, fill=_INK)
        if query.predicted:
            belief = kind.believed(believed, query.confidence[place])
            draw.text((x + 5, y + side - 2 + LINE), belief[: side // 8], fill=_SOFT)
    _legend(draw, rows * (side + caption) + 6, query, coloured, scored=scored)
    return sheet


def _coloured(kind: Kind, query: Query) -> list[tuple[str, tuple[int, int, int]]]:
    """Classes that are drawn in a colour, with that."""
    if not query.predicted or kind.coloured is None:
        return []
    names = kind.spec.classes[kind.coloured :]
    return [(name, of_class(place)) for place, name in enumerate(names[:NAMED])]


def _legend(
    draw: ImageDraw,
    top: int,
    query: Query,
    coloured: list[tuple[str, tuple[int, int, int]]],
    *,
    scored: bool,
) -> None:
    words = "rank: score, higher is asked sooner" if scored else "rank"
    words += "; below it what the model believes" if query.predicted else ""
    draw.text((5, top), words, fill=_SOFT)
    for place, (name, colour) in enumerate(coloured):
        x, y = 5 + place % 4 * 104, top + LINE * (1 + place // 4)
        draw.rectangle((x, y + 3, x + 10, y + 13), fill=colour)
        draw.text((x + 15, y), name[:12], fill=_SOFT)


def _tile(preview: Preview, believed: Label | None, kind: Kind, side: int) -> Image:
    """A sample at most this large, with what is believed of it where that has a place."""
    if preview.image is None:
        return _card(preview.row or {}, side)
    high, wide = preview.image.shape[:2]
    grow = min(side / wide, side / high)
    return kind.drawn(preview.image, believed, (max(1, int(wide * grow)), max(1, int(high * grow))))


def _card(row: Any, side: int) -> Image:
    """A row's first values, as text; zeros tell least and are left out."""
    from PIL import Image, ImageDraw, ImageFont

    card = Image.new("RGB", (side, side), "whitesmoke")
    values = [(name, value) for name, value in row.items() if value != 0]
    lines = [f"{name}: {_short(value)}"[: side // 7] for name, value in values]
    font = ImageFont.load_default(LETTERS - 1)
    ImageDraw.Draw(card).multiline_text(
        (6, 4), "\n".join(lines[: side // 16]), fill=_INK, spacing=2, font=font
    )
    return card


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
