"""Masks as pictures."""

from __future__ import annotations

import json
from pathlib import Path

from al.catalog import formats
from al.exports.base import Format, Labels, as_png
from al.masks import decode_mask


@formats.register("png")
class Png(Format):
    """masks/*.png, values by classes.json (255 is not known), beside images/: for `mask-folder`"""

    forms = frozenset({"regions"})
    shown = frozenset({"image"})

    def write(self, labels: Labels, folder: Path) -> None:
        (folder / "classes.json").write_text(json.dumps(list(labels.classes), indent=2))
        for id, stem, label in labels:
            mask = decode_mask(label, len(labels.classes), void=labels.kind.void)
            as_png(mask.astype("uint8"), folder / "masks" / f"{stem}.png")
            if labels.pictures:
                as_png(labels.image(id), folder / "images" / f"{stem}.png")
