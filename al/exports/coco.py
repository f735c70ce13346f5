"""Boxes and masks as COCO has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from al.catalog import formats
from al.exports.base import Format, Labels, as_png
from al.masks import VOID, decode_mask


@formats.register("coco")
class Coco(Format):
    """annotations.json with boxes, or with masks as run lengths, beside images/"""

    forms = frozenset({"rectangles", "regions"})
    shown = frozenset({"image"})

    def write(self, labels: Labels, folder: Path) -> None:
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, (id, stem, label) in enumerate(labels, 1):
            image = labels.image(id)
            name = f"{stem}.png"
            images.append(
                {
                    "id": number,
                    "file_name": name,
                    "height": image.shape[0],
                    "width": image.shape[1],
                    "sample": id,
                }
            )
            for shape in _shapes(labels, label):
                place = {"id": len(annotations) + 1, "image_id": number, "iscrowd": 0}
                annotations.append({**place, **shape})
            if labels.pictures:
                as_png(image, folder / "images" / name)
        # The background of masks is not a category.
        first = labels.kind.first if labels.kind.form == "regions" else 0
        found = {
            "info": {"description": f"Labels of campaign {labels.campaign}"},
            "images": images,
            "annotations": annotations,
            "categories": [
                {"id": number + 1 - first, "name": name}
                for number, name in enumerate(labels.classes)
                if number >= first
            ],
        }
        (folder / "annotations.json").write_text(json.dumps(found))


def _shapes(labels: Labels, label: Any) -> Iterator[dict[str, Any]]:
    if labels.kind.form == "rectangles":
        for entry in label:
            x, y, width, height = entry["box"]
            yield {
                "category_id": labels.kind.place[entry["label"]] + 1,
                "bbox": [x, y, width, height],
                "area": width * height,
            }
        return
    mask, first = decode_mask(label, len(labels.classes), void=labels.kind.void), labels.kind.first
    for position in np.unique(mask[(mask >= first) & (mask != VOID)]).tolist():
        yield {"category_id": position + 1 - first, **_runs(mask == position)}
    if labels.kind.void and (mask == VOID).any():  # as COCO has regions that are not to be judged
        for position in range(first, len(labels.classes)):
            yield {"category_id": position + 1 - first, **_runs(mask == VOID), "iscrowd": 1}


def _runs(mask: np.ndarray) -> dict[str, Any]:
    """A mask as COCO's run lengths: column by column, beginning with what is not painted."""
    flat = mask.ravel(order="F")
    ends = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *ends, flat.size]).tolist()
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y, x = int(rows[0]), int(columns[0])
    return {
        "segmentation": {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts},
        "bbox": [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y],
        "area": int(mask.sum()),
    }
