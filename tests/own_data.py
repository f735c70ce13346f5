"""A user's own data, written out as files: small enough to train on in seconds."""

from __future__ import annotations

import atexit
import json
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.entity_texts import json_lines


def mnist_folder(folder: Path, *, labelled: int = 120, unlabelled: int = 60, test: int = 0) -> Path:
    """Digits of MNIST as PNG files: `train/DIGIT/…`, `test/DIGIT/…`, and a heap of others."""
    from al.data import read_idx

    root = Path(os.environ.get("AL_DATA_DIR", "nowhere")) / "mnist"
    if not root.is_dir():
        pytest.skip("AL_DATA_DIR holds no mnist")
    images = read_idx(root / "train-images-idx3-ubyte.gz")
    labels = read_idx(root / "train-labels-idx1-ubyte.gz")
    for row in range(labelled + unlabelled + test):
        place = f"train/{labels[row]}" if row < labelled else "heap"
        place = f"test/{labels[row]}" if row >= labelled + unlabelled else place
        path = folder / place / f"{row:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[row]).save(path)
    return folder


def coloured_folder(folder: Path, *, labelled: int = 60, unlabelled: int = 20) -> Path:
    """Red, green and blue squares with noise, in sub-folders; some lie about unlabelled."""
    rng = np.random.default_rng(0)
    for row in range(labelled + unlabelled):
        colour = row % 3
        pixels = rng.integers(0, 120, (12, 10, 3), dtype=np.uint8)
        pixels[..., colour] += 120
        name = ("red", "green", "blue")[colour]
        place = folder / ("train/" + name if row < labelled else "heap")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{row:03d}.png")
    return folder


@lru_cache
def parameters(task: str) -> dict[str, Any]:
    """What a task of the catalog needs to be made for its laws, with data written for it.

    Args:
        task: its name; with +encoder behind it, read by a small random encoder, else by none.
    """
    make: dict[str, Callable[[Path], dict[str, Any]]] = {
        "image-folder": _image_folder,
        "image-manifest": _image_manifest,
    }
    make |= {"table": _table, "text": _text, "mask-folder": _mask_folder}
    make["text-entities"] = _text_entities
    make |= {name: partial(_boxes, name) for name in ("coco", "voc", "yolo")}
    name, _, encoder = task.partition("+")
    if name not in make:
        return {}
    folder = tempfile.TemporaryDirectory(prefix="al-own-")
    atexit.register(folder.cleanup)
    found = make[name](Path(folder.name))
    if encoder:
        from tests.encoders import image_model, text_model

        model = text_model if name.startswith("text") else image_model
        found["encoder"] = str(model(Path(folder.name) / "model"))
        found.pop("image_size", None)
    return found


def _image_folder(folder: Path) -> dict[str, Any]:
    return {"data": str(coloured_folder(folder, labelled=300)), "image_size": 12, "encoder": "none"}


def _image_manifest(folder: Path) -> dict[str, Any]:
    return {
        "data": str(manifest(coloured_folder(folder, labelled=300))),
        "image_size": 12,
        "encoder": "none",
    }


def _mask_folder(folder: Path) -> dict[str, Any]:
    path = masks_folder(folder / "things", labelled=300)
    return {"data": str(path), "image_size": 16, "classes": "1=thing,2=ground", "background": "2",
            "ignore": "3", "encoder": "none"}  # fmt: skip


def masks_folder(folder: Path, *, labelled: int = 60, unlabelled: int = 20) -> Path:
    """Bright rectangles on dark ground in `images/`, and palette masks of most of them in `masks/`:
    1 is thing, 2 is ground, 3 the border between them. Images are 24 × 16."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for row in range(labelled + unlabelled):
        image = rng.integers(0, 60, (16, 24, 3), dtype=np.uint8)
        x, y, wide, high = rng.integers(2, 12), rng.integers(2, 7), *rng.integers(5, 9, 2)
        image[y : y + high, x : x + wide] += 150
        mask = np.full((16, 24), 2, np.uint8)
        mask[y - 1 : y + high + 1, x - 1 : x + wide + 1] = 3
        mask[y : y + high, x : x + wide] = 1
        Image.fromarray(image).save(folder / "images" / f"{row:03d}.png")
        if row < labelled:
            palette = Image.fromarray(mask).convert("P")
            palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 255, 255, 255] + [9] * 756)
            palette.putdata(mask.ravel().tolist())
            palette.save(folder / "masks" / f"{row:03d}.png")
    return folder


def _boxes(name: str, folder: Path) -> dict[str, Any]:
    path = boxes_folder(folder / "things", name, labelled=300)
    return {"data": str(path), "image_size": 24, "encoder": "none"}


def boxes_folder(folder: Path, form: str, *, labelled: int = 60, unlabelled: int = 20) -> Path:
    """Bright and dim squares on dark ground in `images/`, 24 × 16, and boxes around them in one of
    the formats; every seventh image has none, the last images are in no file."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    listed, found = [], []
    for row in range(labelled + unlabelled):
        image = rng.integers(0, 40, (16, 24, 3), dtype=np.uint8)
        boxes = []
        for kind in range(2 if row % 7 else 0):
            x, y, side = rng.integers(1, 5) + 12 * kind, rng.integers(1, 8), rng.integers(5, 8)
            image[y : y + side, x : x + side] = 220 - 100 * kind
            boxes.append((kind, int(x), int(y), int(side), int(side)))
        Image.fromarray(image).save(folder / "images" / f"{row:03d}.png")
        if row < labelled:
            listed.append(f"{row:03d}")
            found.append(boxes)
    {"coco": _coco, "voc": _voc, "yolo": _yolo}[form](folder, listed, found)
    return folder


def _coco(folder: Path, listed: list[str], found: list[Any]) -> None:
    images = [{"id": n, "file_name": f"{name}.png", "width": 24, "height": 16}
              for n, name in enumerate(listed)]  # fmt: skip
    boxes = [(n, box) for n, some in enumerate(found) for box in some]
    annotations = [{"id": at, "image_id": n, "category_id": kind + 5, "bbox": box, "iscrowd": 0}
                   for at, (n, (kind, *box)) in enumerate(boxes)]  # fmt: skip
    categories = [{"id": 5, "name": "bright"}, {"id": 6, "name": "dim"}]
    known = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(known))


def _voc(folder: Path, listed: list[str], found: list[Any]) -> None:
    (folder / "Annotations").mkdir()
    for name, boxes in zip(listed, found, strict=True):
        objects = "".join(
            f"<object><name>{('bright', 'dim')[kind]}</name><bndbox><xmin>{x + 1}</xmin>"
            f"<ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            for kind, x, y, w, h in boxes
        )
        size = "<size><width>24</width><height>16</height></size>"
        text = f"<annotation><filename>{name}.png</filename>{size}{objects}</annotation>"
        (folder / "Annotations" / f"{name}.xml").write_text(text)


def _yolo(folder: Path, listed: list[str], found: list[Any]) -> None:
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text("train: images\nval: images\nnames: [bright, dim]\n")
    for name, boxes in zip(listed, found, strict=True):
        lines = [f"{kind} {(x + w / 2) / 24} {(y + h / 2) / 16} {w / 24} {h / 16}"
                 for kind, x, y, w, h in boxes]  # fmt: skip
        (folder / "labels" / f"{name}.txt").write_text("\n".join(lines))


def manifest(folder: Path) -> Path:
    """A list of the images in a folder that `coloured_folder` made, with what is known of them."""
    lines = ["id,path,label,camera,taken"]
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        label = path.parent.name if path.parent.parent.name == "train" else ""
        name = path.relative_to(folder).as_posix()
        lines.append(f"img-{number:04d},{name},{label},{'AB'[number % 2]},{1990 + number % 30}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


def _table(folder: Path) -> dict[str, Any]:
    return {"data": str(fruit_table(folder / "fruit.csv")), "target": "kind"}


def _text(folder: Path) -> dict[str, Any]:
    path = sentences(folder / "sentences.csv")
    return {"data": str(path), "text": "sentence", "target": "about", "encoder": "none"}


def _text_entities(folder: Path) -> dict[str, Any]:
    path = json_lines(folder / "texts.jsonl", 330, unlabelled=30)
    return {"data": str(path), "encoder": "none"}


def fruit_table(path: Path, rows: int = 330) -> Path:
    """Fruit by weight, colour and shop, with gaps; the kind of every eleventh is not known."""
    rng = np.random.default_rng(0)
    lines = ["weight,colour,shop,kind"]
    for row in range(rows):
        kind = ("apple", "lemon", "plum")[row % 3]
        weight = f"{rng.normal({'apple': 150, 'lemon': 110, 'plum': 60}[kind], 15):.1f}"
        colours = {"apple": ("red", "green"), "lemon": ("yellow",), "plum": ("blue", "red")}[kind]
        colour = colours[int(rng.integers(len(colours)))]
        gap = rng.random()
        cells = ["" if gap < 0.1 else weight, "?" if gap > 0.9 else colour,
                 f"shop {rng.integers(4)}", "" if row % 11 == 10 else kind]  # fmt: skip
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n")
    return path


def sentences(path: Path, rows: int = 330) -> Path:
    """Sentences about the weather, food or trains; every eleventh is not labelled."""
    rng = np.random.default_rng(0)
    words = {
        "weather": ["rain", "sun", "cloud", "wind", "storm", "snow", "warm", "cold"],
        "food": ["bread", "soup", "salt", "butter", "dinner", "sweet", "fresh", "plate"],
        "trains": ["track", "station", "ticket", "late", "platform", "signal", "engine", "coach"],
    }
    filler = ["the", "a", "is", "was", "very", "much", "today", "again"]
    lines = ["sentence,about"]
    for row in range(rows):
        about = list(words)[row % 3]
        some = [*rng.choice(words[about], 3), *rng.choice(filler, 4)]
        text = " ".join(rng.permutation(some))
        lines.append(f"{text},{'' if row % 11 == 10 else about}")
    path.write_text("\n".join(lines) + "\n")
    return path
