"""Labels that people draw: pictures in their own size, and labels in the pixels of these.

What a person drew is kept as it was drawn; the campaign is given it in the pixels that it
learns from.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from al.contracts import DataLoader, DataSpec, Label
from al.errors import DataError, LabelError
from al.kinds import Kind, kind_of
from al.kinds.colours import COLOURS
from al.masks import VOID

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: Forms that are drawn on pictures.
DRAWN = frozenset({"rectangles", "regions"})
#: Forms that are marked in texts.
MARKED = frozenset({"spans"})
#: Pictures of more pixels than these travel as JPEG, which is made and sent many times faster
#: than PNG and at this quality looks the same.
LOSSLESS, QUALITY = 1_000_000, 92
#: Longest side of a picture that is listed with others.
SMALL = 320
#: Most bytes of what the page says at once: drawn labels are long.
MOST = {True: 16 << 20, False: 1 << 20}


def is_drawn(spec: DataSpec) -> bool:
    """Whether labels of this data are drawn on pictures."""
    return kind_of(spec).form in DRAWN


def pens(spec: DataSpec) -> dict[str, Any]:
    """What the page draws with, where labels are drawn; colours alone where they are marked.

    Returns:
        first: position of the first class that people draw
        blank: value of a pixel that nobody drew
        unknown: value of a pixel of which nobody knows the class; none where all are known
        colours: red, green and blue of classes, over and over
    """
    kind = kind_of(spec)
    if kind.form in MARKED:
        return {"colours": COLOURS}
    if not is_drawn(spec):
        return {}
    first = spec.classes.index(kind.drawable[0]) if kind.drawable else 0
    unknown = VOID if kind.void else None
    return {"first": first, "blank": kind.blank, "unknown": unknown, "colours": COLOURS}


def picture(data: DataLoader, id: str) -> tuple[str, bytes]:
    """A sample's picture for the browser: type and content.

    A pixel there is a pixel of its label, where that is drawn.

    Raises:
        DataError: it has none.
    """
    from PIL import Image

    image = data.picture(id) if is_drawn(data.spec) else data.detail(id)
    return _sent(Image.fromarray(np.ascontiguousarray(_there(image))))


def thumbnail(data: DataLoader, id: str, label: Label | None = None) -> tuple[str, bytes]:
    """A sample's picture as it is listed with others.

    Args:
        label: as answers keep it, drawn on the picture where labels are drawn.

    Raises:
        DataError: as of `picture`.
    """
    from PIL import Image

    if label is None or not is_drawn(data.spec):
        made = Image.fromarray(np.ascontiguousarray(_there(data.preview(id).image)))
        made.thumbnail((SMALL, SMALL))
        return _sent(made)
    image = _there(data.picture(id))
    high, wide = image.shape[:2]
    less = SMALL / max(high, wide)
    size = (max(1, round(wide * less)), max(1, round(high * less)))
    try:
        return _sent(_on(data, id).drawn(image, label, size))
    except (LabelError, IndexError):  # drawn on a picture that is another by now
        return thumbnail(data, id)


def _there(image: np.ndarray | None) -> np.ndarray:
    if image is None:
        raise DataError("no image: load the page again")
    return image


def _sent(made: Picture) -> tuple[str, bytes]:
    """As a browser takes it: type and content."""
    file = io.BytesIO()
    if made.width * made.height > LOSSLESS:
        made.save(file, "jpeg", quality=QUALITY, subsampling=0)
        return "image/jpeg", file.getvalue()
    made.save(file, "png", compress_level=1)
    return "image/png", file.getvalue()


def heard(data: DataLoader, id: str, value: Any) -> Label:
    """What the page says of a sample, as its answers keep it: in the picture's pixels.

    Raises:
        LabelError: it is not a label of this sample.
    """
    if not is_drawn(data.spec):
        label = kind_of(data.spec).from_form(value)
        data.check_label(label)
        return data.from_picture(id, label)
    kind = _on(data, id)
    kind.check(value)
    return kind.from_form(value)


def collected(data: DataLoader, id: str, label: Label) -> Label:
    """A label of the answers, as the campaign keeps it.

    Raises:
        LabelError: the picture has another size by now, or the text another length.
    """
    try:
        return data.from_picture(id, label)
    except LabelError as error:
        raise LabelError(f"sample {id!r}, answered on the page: {error}") from error


def shown(data: DataLoader, id: str, label: Label) -> Any:
    """A label of the campaign, as the page's form shows it."""
    return kind_of(data.spec).to_form(data.on_picture(id, label))


def _on(data: DataLoader, id: str) -> Kind:
    """The kind of the data, bound to the size of a picture."""
    size = data.picture_size(id)
    if size is None:
        raise LabelError("no image to draw on: load the page again")
    details: Mapping[str, Any] = {**data.spec.details, "image_shape": list(size)}
    return kind_of(replace(data.spec, details=details))
