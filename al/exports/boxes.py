"""Boxes as Pascal VOC and YOLO have them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from al.catalog import formats
from al.exports.base import Format, Labels, as_png


@formats.register("voc")
class Voc(Format):
    """Annotations/*.xml beside JPEGImages/; the first pixel is 1, as in Pascal VOC"""

    forms = frozenset({"rectangles"})
    shown = frozenset({"image"})

    def write(self, labels: Labels, folder: Path) -> None:
        (folder / "Annotations").mkdir()
        for id, stem, label in labels:
            image = labels.image(id)
            root = ElementTree.Element("annotation")
            _add(root, "folder", "JPEGImages")
            _add(root, "filename", f"{stem}.png")
            size = _add(root, "size")
            for name, length in zip(("height", "width", "depth"), image.shape, strict=True):
                _add(size, name, length)
            for entry in label:
                thing = _add(root, "object")
                _add(thing, "name", entry["label"])
                _add(thing, "difficult", 0)
                x, y, width, height = entry["box"]
                box = _add(thing, "bndbox")
                corners = {"xmin": x + 1, "ymin": y + 1, "xmax": x + width, "ymax": y + height}
                for name, at in corners.items():
                    _add(box, name, f"{at:.10g}")
            tree = ElementTree.ElementTree(root)
            tree.write(folder / "Annotations" / f"{stem}.xml", encoding="utf-8")
            if labels.pictures:
                as_png(image, folder / "JPEGImages" / f"{stem}.png")


@formats.register("yolo")
class Yolo(Format):
    """labels/*.txt beside images/, and data.yaml with the names of the classes"""

    forms = frozenset({"rectangles"})
    shown = frozenset({"image"})

    def write(self, labels: Labels, folder: Path) -> None:
        (folder / "labels").mkdir()
        names = "".join(f"  {n}: {json.dumps(name)}\n" for n, name in enumerate(labels.classes))
        (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}")
        for id, stem, label in labels:
            image = labels.image(id)
            high, wide = image.shape[:2]
            lines = []
            for entry in label:
                x, y, width, height = entry["box"]
                across, down = (x + width / 2) / wide, (y + height / 2) / high
                sides = (f"{side:.9f}" for side in (across, down, width / wide, height / high))
                place = labels.kind.place[entry["label"]]
                lines.append(" ".join([str(place), *sides]) + "\n")
            (folder / "labels" / f"{stem}.txt").write_text("".join(lines))
            if labels.pictures:
                as_png(image, folder / "images" / f"{stem}.png")


def _add(parent: ElementTree.Element, name: str, text: object = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = None if text is None else str(text)
    return child
