"""A sample as a person sees it, small: an image, a text or the values of a row."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from al.contracts import Label, Preview
from al.kinds import Kind
from al.kinds.colours import of_class
from al.report.section import Markup, escape

#: Side of a picture in pixels, letters of a text, values of a row, letters of a value.
SIDE, LETTERS, VALUES, LONG = 160, 260, 6, 32


def shown(kind: Kind, preview: Preview, label: Label | None, id: str) -> Markup:
    """The sample, with a label drawn into it where that has a place."""
    if preview.image is not None:
        high, wide = preview.image.shape[:2]
        grow = SIDE / max(high, wide)
        size = (max(1, round(wide * grow)), max(1, round(high * grow)))
        return picture(kind.drawn(preview.image, label, size), f"sample {id}")
    if preview.text is not None:
        marks = [] if label is None else kind.marks(label)
        quoted = _marked(kind, preview.text, marks) if marks else short(preview.text, LETTERS)
        return Markup("<blockquote>{}</blockquote>").format(quoted)
    return Markup("<blockquote>{}</blockquote>").format(_row(preview.row or {}))


def _marked(kind: Kind, text: str, marks: Sequence[tuple[int, int, str]]) -> Markup:
    """A text with what is marked in it, in the colours of the classes, each with its name.

    A long one begins shortly before the first mark.
    """
    first = max(0, min(marks[0][0] - LETTERS // 4, len(text) - LETTERS))
    pieces, at = [Markup("…" if first else "")], first
    for start, end, name in marks:
        if start >= first + LETTERS:
            break
        style = "background:rgba({},{},{},.25);color:inherit".format(
            *of_class(kind.place.get(name, 0))
        )
        mark = Markup('<mark style="{}">{}<sub> {}</sub></mark>')
        pieces += [escape(text[at:start]), mark.format(style, text[start:end], name)]
        at = end
    last = max(at, first + LETTERS)
    return Markup("").join([*pieces, escape(text[at:last]), "…" if last < len(text) else ""])


def picture(image: Any, what: str) -> Markup:
    """An image of Pillow's inside the page: PNG where that is small, else JPEG."""
    best = BytesIO()
    image.save(best, "PNG", compress_level=3)
    kind = "png"
    if len(best.getvalue()) > 12_000:
        best, kind = BytesIO(), "jpeg"
        image.convert("RGB").save(best, "JPEG", quality=82)
    data = b64encode(best.getvalue()).decode()
    return Markup('<img src="data:image/{};base64,{}" alt="{}">').format(kind, data, what)


def _row(row: Mapping[str, Any]) -> Markup:
    """A row's first values; those that are 0 tell least and are left out."""
    values = [(name, value) for name, value in row.items() if value != 0]
    lines = [
        Markup("{}: {}").format(short(str(name), LONG), short(_number(value), LONG))
        for name, value in values[:VALUES]
    ]
    return Markup("<br>").join(lines)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short(text: str, most: int) -> str:
    """A text of so many letters at most."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
