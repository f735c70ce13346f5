"""Which files are images and which are their masks, by folders and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from al.data.image_files import SPLITS
from al.data.mask_pictures import SUFFIXES
from al.errors import DataError

#: What folders of images and of masks are called, in small letters.
IMAGES = frozenset({"images", "image", "imgs", "img", "jpegimages", "photos"})
MASKS = frozenset({
    "masks", "mask", "labels", "label", "annotations", "annotation", "trimaps", "segmentations",
    "segmentation", "segmentationclass", "gt", "groundtruth", "ground_truth", "png_masks",
})  # fmt: skip
#: How the name of a mask may end.
ENDING = re.compile(r"[-_. ](mask|masks|label|labels|seg|segmentation|trimap|gt)$", re.IGNORECASE)


class Pairs(NamedTuple):
    """Images and their masks.

    Attributes:
        masks: of images that have one, by the image's path.
        alone: masks without an image.
        lossy: masks of a type that changes values.
    """

    images: list[str]
    masks: dict[str, str]
    alone: list[str]
    lossy: list[str]


def paired(paths: Sequence[str]) -> Pairs:
    """Which of some files are images, and which their masks.

    Raises:
        DataError: a mask has two images, or an image two masks.
    """
    images: dict[str, list[str]] = {}
    masks: dict[str, str] = {}
    lossy = []
    for path in paths:
        key, is_mask = key_of(path)
        if not is_mask:
            images.setdefault(key, []).append(path)
        elif not path.lower().endswith(SUFFIXES):
            lossy.append(path)
        elif key in masks:
            raise DataError(f"{masks[key]} and {path} are masks of one image: remove one")
        else:
            masks[key] = path
    of_image = {}
    for key, path in masks.items():
        fitting = images.get(key, [])
        if len(fitting) > 1:
            raise DataError(f"{path} is the mask of {fitting[0]} or {fitting[1]}: rename one")
        if fitting:
            of_image[fitting[0]] = path
    every = sorted(path for found in images.values() for path in found)
    return Pairs(every, of_image, sorted(set(masks.values()) - set(of_image.values())), lossy)


def key_of(path: str) -> tuple[str, bool]:
    """What an image and its mask have in common, and whether this is the mask."""
    parts = PurePosixPath(path)
    folders = [part for part in parts.parts[:-1] if part.lower() not in IMAGES | MASKS]
    stem = ENDING.sub("", parts.stem)
    in_folder = any(part.lower() in MASKS for part in parts.parts[:-1])
    is_mask = in_folder or stem != parts.stem
    return "/".join([*folders, stem if is_mask else parts.stem]), is_mask


def split_of(path: str) -> str:
    """The split that a path says, "" where it says none."""
    folders = [part for part in path.split("/")[:-1] if part.lower() not in IMAGES]
    return folders[0] if folders and folders[0] in SPLITS else ""
