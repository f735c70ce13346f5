"""The page served by a process of its own, which a test can kill.

python -m tests.page_process FOLDER KIND [ASKED]
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from al.annotators.page import Page
from al.catalog import tasks
from al.contracts import DataLoader, DataSpec, Preview, Query
from al.data import ArrayLoader
from al.progress import printed
from al.tasks.boxes import CocoBoxes
from al.tasks.digits import Digits
from al.tasks.mask_folder import MaskFolder
from al.tasks.text_entities import TextEntities
from tests.entity_texts import drawn
from tests.own_data import boxes_folder, masks_folder

#: At the end of a kind: people may name classes.
GROWS = "+"
#: Published data, as people meet it; samples are asked from all over it.
REAL = ("banking77", "bike-sharing", "bccd", "pets3", "text-entities")
#: Five code points, eight UTF-16 units.
FIREWOMAN = "👩🏾‍🚒 "
NASTY = '<img src=x onerror="document.title=1">&amp; "quoted"\nsecond line'


class Many(ArrayLoader):
    """Short texts in 77 classes."""

    def __init__(self) -> None:
        ids = [f"text-{number}" for number in range(9)]
        classes = [f"class_{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(76)]
        classes += ["card_arrival"]
        super().__init__(ids, np.zeros((9, 2)), np.zeros(9, int), classes, ids[-1:])

    def preview(self, id: str) -> Preview:
        return Preview(text=NASTY)


class Texts(ArrayLoader):
    """Texts in 77 classes, each of which says which it is."""

    def __init__(self) -> None:
        ids = [f"text-{number:03d}" for number in range(500)]
        super().__init__(ids, np.zeros((500, 2)), np.zeros(500, int), Many().spec.classes, ids[-1:])

    def preview(self, id: str) -> Preview:
        return Preview(text=id)


class Several(ArrayLoader):
    """Rows with several classes each."""

    def __init__(self) -> None:
        ids = [f"row-{number}" for number in range(20)]
        super().__init__(ids, np.ones((20, 3)), np.zeros(20, int), ["wet", "red", "old"], ids[-1:])
        self.spec = DataSpec(self.spec.classes, (3,), "float64", "labels")


class Numbers(Several):
    """Rows with a number each."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = DataSpec((), (3,), "float64", "number")


class Rows(ArrayLoader):
    """Rows of more columns than a phone is high."""

    def __init__(self) -> None:
        ids = [f"row-{number}" for number in range(9)]
        inputs = np.arange(9 * 30).reshape(9, 30) / 7
        super().__init__(ids, inputs, np.zeros(9, int), ["wet", "dry"], ids[-1:])


def masks(folder: Path) -> DataLoader:
    """Images of 24 × 16 that are learned from as squares of 16, some with masks."""
    if not folder.exists():
        masks_folder(folder, labelled=30, unlabelled=8)
    return MaskFolder(
        str(folder), image_size=16, classes="1=thing,2=ground", background="2", ignore="3",
        encoder="none",
    ).data()  # fmt: skip


def boxes(folder: Path) -> DataLoader:
    """Images of 24 × 16 that are learned from as squares of 48, some with boxes."""
    if not folder.exists():
        boxes_folder(folder, "coco", labelled=30, unlabelled=8)
    return CocoBoxes(str(folder), image_size=48, encoder="none").data()


def entities(folder: Path) -> DataLoader:
    """Texts with emojis in them; the first one is long."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "texts.jsonl"
    if not path.exists():
        people = [{"start": 4, "end": 7, "label": "PER"}, {"start": 12, "end": 14, "label": "LOC"}]
        rows = [{"id": "0", "text": "👩🏾‍🚒Zoë met 東京 <b>&\n in 𝒟-town "}]
        rows += [
            {"id": str(n), "text": f"👩🏾‍🚒Zoë met 東京 {n}", "entities": people}
            for n in range(1, 40)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return TextEntities(str(path), encoder="none").data()


def pets(folder: Path, many: int = 24) -> DataLoader:
    """Some photographs of pets with masks of them, as a folder of one's own."""
    if not folder.exists():
        with ZipFile(Path(os.environ["AL_DATA_DIR"]) / "pets3" / "pets3.zip") as members:
            pictures = sorted(name for name in members.namelist() if name.endswith(".jpg"))
            for picture in pictures[:: len(pictures) // many]:
                stem = Path(picture).stem
                for place, name in (("images", picture), ("masks", f"trimaps/{stem}.png")):
                    path = folder / place / Path(name).name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(members.read(name))
    return MaskFolder(
        str(folder), image_size=64, classes="1=animal,2=ground", background="2", ignore="3",
        encoder="none",
    ).data()  # fmt: skip


def real(kind: str, folder: Path) -> DataLoader:
    """Data of REAL."""
    if kind == "pets3":
        return pets(folder)
    if kind == "text-entities":
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "texts.jsonl"
        if not path.exists():
            rows = [
                {"text": FIREWOMAN + text, "entities": [
                    {**one, "start": one["start"] + 5, "end": one["end"] + 5} for one in entities
                ]}
                for text, entities in drawn(60)
            ]  # fmt: skip
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return TextEntities(str(path), encoder="none").data()
    return tasks.get(kind)().data()


def made(kind: str, folder: str) -> DataLoader:
    kind = kind.removesuffix(GROWS)
    if kind in REAL:
        return real(kind, Path(folder) / "things")
    if kind in ("masks", "boxes", "entities"):
        found = {"masks": masks, "boxes": boxes, "entities": entities}[kind]
        return found(Path(folder) / "things")
    kinds: dict[str, Any] = {"many": Many, "texts": Texts, "several": Several, "numbers": Numbers,
                             "rows": Rows}  # fmt: skip
    return Digits().data() if kind == "digits" else kinds[kind]()


def page(folder: str, kind: str, asked: int = 5, **options: str) -> tuple[Page, Query]:
    """A page, with a query asked."""
    data = made(kind, folder)
    found = Page(data, "c", {"folder": folder, **options})
    found.new_classes = "grow" if kind.endswith(GROWS) else "refuse"
    ids = data.ids("train")
    ids = ids[:: len(ids) // asked if kind in REAL else 1][:asked]
    count = len(ids)
    query = Query(ids, (0.0,) * count, ("margin",) * count, (None,) * count, "margin", "none")
    found.request(query)
    return found, query


if __name__ == "__main__":
    with printed():
        given = dict(word.split("=", 1) for word in sys.argv[4:])
        page(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:4]), **given)[0].serve()
