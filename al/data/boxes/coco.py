"""Boxes in COCO's JSON (Lin et al. 2014, Microsoft COCO)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from al.data.boxes.listed import Entry, Index, Listed, Named, NothingListed, split_named
from al.errors import DataError

#: Annotations that are not boxes, beside which those of boxes lie.
_OTHERS = ("captions", "person_keypoints", "panoptic", "stuff", "image_info")


def read_coco(root: Path, images: Sequence[str], only: Path | None = None) -> Listed:
    """All files of instances below a folder, or only the one that is given.

    An image that a file lists without boxes is labelled: there are none. The split is what the
    name of the file or its folder says.

    Raises:
        DataError: it is missing or damaged; names it.
    """
    found, index = Listed(), Index(images)
    files = [only] if only else [
        path for path in sorted(root.rglob("*.json"))
        if not path.name.startswith((".", *_OTHERS)) and _is_coco(path)
    ]  # fmt: skip
    if not files:
        raise NothingListed(
            f"{root} holds no COCO file, a .json with images, annotations and categories: put one "
            "there, or give it as data"
        )
    for path in files:
        _read(path, path.relative_to(root).as_posix(), index, found)
    return found


def _is_coco(path: Path) -> bool:
    known = _loaded(path)
    return isinstance(known, dict) and {"images", "annotations", "categories"} <= known.keys()


def _loaded(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise DataError(f"{path} is no JSON ({reason}): restore it") from None


def _read(path: Path, name: str, index: Index, found: Listed) -> None:
    known = _loaded(path)
    try:
        names = {int(one["id"]): str(one["name"]) for one in known["categories"]}
        listed = {one["id"]: one for one in known["images"]}
        boxes: dict[Any, list[Named]] = {id: [] for id in listed}
        wrong: dict[Any, str] = {}
        for one in known["annotations"]:
            place = f"{name} annotation {one.get('id', '?')}"
            if one["image_id"] not in listed:
                found.note("annotations are of no image that their file lists", place)
            elif one.get("iscrowd"):
                found.note("annotations are of crowds and left out", place)
            elif one["category_id"] not in names:
                wrong[one["image_id"]] = f"category {one['category_id']}, which is not listed"
            elif (box := _box(one)) is None:
                found.note("annotations hold no box and are left out", place)
            else:
                boxes[one["image_id"]].append(Named(names[one["category_id"]], box))
        near, split = Path(name).parent.as_posix().removeprefix("."), split_named(name)
        found.know(names[id] for id in sorted(names))
        for id, one in listed.items():
            at = index.find(str(one["file_name"]), near)
            if at is None:
                found.note("images are listed that are not there, or that several fit",
                           f"{name}: {one['file_name']}")  # fmt: skip
                continue
            if at in found.entries:
                found.note("images are listed twice, of which the first counts", f"{name}: {at}")
                continue
            width, height = one.get("width"), one.get("height")
            size = (float(width), float(height)) if width and height else None
            found.entries[at] = Entry(boxes[id], f"{name}: {at}", size, why=wrong.get(id, ""))
            if split:
                found.splits[at] = split
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} is no COCO file of instances ({error!r}): mend it") from None
    found.notes.append(f"{name}: {len(listed)} images{f', split {split}' if split else ''}")
    if outlines := sum(bool(one.get("segmentation")) for one in known["annotations"]):
        found.notes.append(
            f"{name}: {outlines} annotations have outlines, and their boxes alone are learned: "
            "task=mask-folder learns masks, written as PNG"
        )


def _box(one: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """The box of an annotation, or the one around its outline."""
    if one.get("bbox"):
        x, y, width, height = (float(side) for side in one["bbox"])
        return x, y, width, height
    outline = one.get("segmentation")
    if not isinstance(outline, list) or not outline:
        return None
    points = [float(value) for part in outline for value in part]
    x, y = min(points[::2]), min(points[1::2])
    return x, y, max(points[::2]) - x, max(points[1::2]) - y
