"""BCCD: where the cells are in photographs of blood."""

from __future__ import annotations

import json
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec
from al.data import ArrayLoader, MappedArrays, fetch, read_image, shrunk
from al.data.boxes import boxes_given
from al.data.encoding import DETAIL
from al.data.placing import place_of
from al.errors import DataError
from al.graphs import DetectionGraph, grid_boxes, small_detector
from al.tasks.encoded import BuiltInMapped

URL = "https://github.com/Shenggan/BCCD_Dataset/"
FILES = {
    "bccd_voc.zip": "da836888696163fa3c0c3ac012fa088dcea9bb64e01a8d100f54a1de57d0bb6f",
    "bccd_coco.json": "0eb86dda3e08b0351fdc3f29a6db39d2d75de25a9801092f5a7602574725c8bd",
}
CLASSES = ("RBC", "WBC", "Platelets")
#: Size of a photograph, and how much smaller it is learned from.
WIDTH, HEIGHT, LESS = 640, 480, 5
#: Pixels of a usual cell's side.
CELL = 20.0


@tasks.register("bccd")
class Bccd(BuiltInMapped):
    """364 photographs of blood, 128 × 96; boxes around cells of three types; centre points.

    Shenggan et al. (2018), BCCD Dataset; MIT licence. Its 72 test photographs are the test
    split. Two boxes without area are left out of the file of boxes that is read. With
    `encoder=efficientnet-lite0` a small head learns on its maps of features, at its size.
    """

    metric = "map50"

    def data(self) -> ArrayLoader:
        encoder = self.encoder()
        names, images, boxes, test = load(encoder.size if encoder else 0)
        held = names, images, boxes, CLASSES, test, "boxes"
        return MappedArrays(encoder, *held) if encoder else ArrayLoader(*held)

    def answers(self, spec: DataSpec, given: Any, predicted: Any) -> Any:
        return boxes_given(given, spec, predicted) if DETAIL in spec.details else predicted

    def head(self, spec: DataSpec) -> DetectionGraph:
        return grid_boxes(spec, CELL * LESS * spec.image_shape[0] / WIDTH)

    def network(self, spec: DataSpec) -> DetectionGraph:
        return small_detector(spec, CELL)


def load(side: int = 0) -> tuple[list[str], np.ndarray, list[np.ndarray], list[str]]:
    """Names, photographs uint8 [N, H, W, 3], boxes in their pixels, and the names of test.

    Args:
        side: of squares in which the photographs are to lie; else they have the size of the task.

    Raises:
        DataError: a file is missing, damaged, or of another size than its entry says.
    """
    photographs, entries = (fetch("bccd", name, URL, FILES[name]) for name in FILES)
    from PIL import Image, ImageOps

    images, place = [], place_of(WIDTH, HEIGHT, side)
    try:
        known = json.loads(entries.read_text())
        known_as = {entry["id"]: CLASSES.index(entry["name"]) for entry in known["categories"]}
        listed = {entry["id"]: entry for entry in known["images"]}
        found: dict[int, list[list[float]]] = {number: [] for number in listed}
        for entry in known["annotations"]:
            sides = place.into(entry["bbox"]) if side else [s / LESS for s in entry["bbox"]]
            found[entry["image_id"]].append([known_as[entry["category_id"]], *sides])
        with ZipFile(photographs) as members:
            test = members.read("BCCD/ImageSets/Main/test.txt").decode().split()
            for entry in listed.values():
                image = read_image(members, f"BCCD/JPEGImages/{entry['file_name']}")
                if image.size != (WIDTH, HEIGHT):
                    raise DataError(
                        f"{entry['file_name']} in {photographs} is {image.size[0]} × "
                        f"{image.size[1]}, not {WIDTH} × {HEIGHT}: fetch it again"
                    )
                image = image.convert("RGB")
                if side:
                    image = ImageOps.pad(image, (side, side), Image.Resampling.BILINEAR)
                    images.append(np.asarray(image))
                else:
                    images.append(shrunk(image, WIDTH // LESS, HEIGHT // LESS))
    except (BadZipFile, KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{entries} or {photographs} is damaged ({error}): fetch both again"
        ) from error
    names = [entry["file_name"].removesuffix(".jpg") for entry in listed.values()]
    boxes = [np.array(rows, np.float32).reshape(-1, 5) for rows in found.values()]
    return names, np.stack(images), boxes, test
