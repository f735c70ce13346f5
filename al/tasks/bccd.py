"""BCCD: where the cells are in photographs of blood."""

from __future__ import annotations

import json
from zipfile import BadZipFile, ZipFile

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ArrayLoader, fetch, read_image, shrunk
from al.errors import DataError
from al.graphs import DetectionGraph, small_detector

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
class Bccd(Task):
    """364 photographs of blood, 128 × 96; boxes around cells of three types; centre points.

    Shenggan et al. (2018), BCCD Dataset; MIT licence. Its 72 test photographs are the test
    split. Two boxes without area are left out of the file of boxes that is read.
    """

    metric = "map50"

    def data(self) -> ArrayLoader:
        names, images, boxes, test = load()
        return ArrayLoader(names, images, boxes, CLASSES, test, "boxes")

    def graph(self, spec: DataSpec) -> DetectionGraph:
        return small_detector(spec, CELL)


def load() -> tuple[list[str], np.ndarray, list[np.ndarray], list[str]]:
    """Names, photographs uint8 [N, H, W, 3], boxes in their pixels, and the names of test.

    Raises:
        DataError: a file is missing, damaged, or of another size than its entry says.
    """
    photographs, entries = (fetch("bccd", name, URL, FILES[name]) for name in FILES)
    images = []
    try:
        known = json.loads(entries.read_text())
        place = {entry["id"]: CLASSES.index(entry["name"]) for entry in known["categories"]}
        listed = {entry["id"]: entry for entry in known["images"]}
        found: dict[int, list[list[float]]] = {number: [] for number in listed}
        for entry in known["annotations"]:
            sides = [side / LESS for side in entry["bbox"]]
            found[entry["image_id"]].append([place[entry["category_id"]], *sides])
        with ZipFile(photographs) as members:
            test = members.read("BCCD/ImageSets/Main/test.txt").decode().split()
            for entry in listed.values():
                image = read_image(members, f"BCCD/JPEGImages/{entry['file_name']}")
                if image.size != (WIDTH, HEIGHT):
                    raise DataError(
                        f"{entry['file_name']} in {photographs} is {image.size[0]} × "
                        f"{image.size[1]}, not {WIDTH} × {HEIGHT}: fetch it again"
                    )
                images.append(shrunk(image.convert("RGB"), WIDTH // LESS, HEIGHT // LESS))
    except (BadZipFile, KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{entries} or {photographs} is damaged ({error}): fetch both again"
        ) from error
    names = [entry["file_name"].removesuffix(".jpg") for entry in listed.values()]
    boxes = [np.array(rows, np.float32).reshape(-1, 5) for rows in found.values()]
    return names, np.stack(images), boxes, test
