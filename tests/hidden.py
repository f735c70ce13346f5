"""A user's own data whose labels are hidden, and people who know them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from al.catalog import make_task
from al.contracts import Annotator, Answer, Answers, Query
from tests.own_data import boxes_folder, coloured_folder, fruit_table, manifest, masks_folder
from tests.own_data import sentences as sentences_of

SMALL = {"image_size": 16, "encoder": "none"}


class Knows(Annotator):
    """Says at once what `told` found; the first few samples of a query wait or are skipped where
    its options say so."""

    options: ClassVar = {"truth": "file", "skip": "how many of a query", "wait": "how many"}

    def request(self, query: Query) -> None:
        return

    def collect(self, query: Query) -> Answers:
        truth = json.loads(Path(self.given["truth"]).read_text())
        ids = list(query.ids)
        skip, wait = (int(self.given.get(name, 0)) for name in ("skip", "wait"))
        marks = dict(zip(ids, self.data.fingerprints(ids), strict=True))
        at = "2030-01-01T00:00:00+00:00"
        answered = tuple(Answer(id, truth[marks[id]], "her", at) for id in ids[skip + wait :])
        return Answers(answered, tuple(ids[:skip]), tuple(ids[skip : skip + wait]))


KNOWS = f"{__name__}:Knows"


def hidden(name: str, folder: Path) -> dict[str, Any]:
    """What a campaign on such data is given, for people who know its labels."""
    folder.mkdir(parents=True, exist_ok=True)
    given, hide, classes = _MAKE[name](folder)
    data: Any = make_task(given["task"], {n: v for n, v in given.items() if n != "task"}).data()
    labels = data.samples.labels
    told = dict(zip(data.samples.contents, labels, strict=True))
    (folder / "truth.json").write_text(json.dumps(told))
    hide()
    return given | {
        **classes,
        "annotator": KNOWS,
        "annotator_options": f"truth={folder / 'truth.json'}",
    }


def _without(path: Path, column: str) -> Callable[[], None]:
    def hide() -> None:
        pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns=column).to_csv(
            path, index=False
        )

    return hide


Made = tuple[dict[str, Any], Callable[[], None], dict[str, Any]]


def _fruit(folder: Path, kinds: Sequence[Any]) -> Path:
    """Rows without copies, of one of three kinds in turn."""
    path = fruit_table(folder / "rows.csv", 150)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame["kind"] = [kinds[row % 3] for row in range(len(frame))]
    frame["weight"] = [60 + 40 * (row % 3) + row / 10 for row in range(len(frame))]
    frame.to_csv(path, index=False)
    return path


def _rows(folder: Path) -> Made:
    path = _fruit(folder, ("apple", "lemon", "plum"))
    given = {"task": "table", "data": str(path), "target": "kind", "estimator": "mlp"}
    return given, _without(path, "kind"), {"classes": "apple,lemon,plum"}


def _numbers(folder: Path) -> Made:
    path = _fruit(folder, (100.5, 110.5, 120.5))
    given = {"task": "table", "data": str(path), "target": "kind", "kind": "number"}
    return given, _without(path, "kind"), {}


def _several(folder: Path) -> Made:
    path = _fruit(folder, ("sour|round", "round", "|"))
    given = {"task": "table", "data": str(path), "target": "kind", "label_separator": "pipe"}
    return given, _without(path, "kind"), {"classes": "sour,round"}


def _texts(folder: Path) -> Made:
    path = sentences_of(folder / "texts.csv", 150)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame["about"] = [("weather", "food", "trains")[row % 3] for row in range(len(frame))]
    frame.to_csv(path, index=False)
    given = {"task": "text", "data": str(path), "text": "sentence", "target": "about"}
    hide = _without(path, "about")
    return given | {"encoder": "none"}, hide, {"classes": "weather,food,trains"}


def _images(folder: Path) -> Made:
    path = coloured_folder(folder / "images", labelled=90, unlabelled=0)

    def hide() -> None:
        for file in path.rglob("*.png"):
            file.rename(path / file.name)
        shutil.rmtree(path / "train")

    given = {"task": "image-folder", "data": str(path), **SMALL}
    return given, hide, {"classes": "red,green,blue"}


def _listed(folder: Path) -> Made:
    path = manifest(coloured_folder(folder / "images", labelled=90, unlabelled=0))
    given = {"task": "image-manifest", "data": str(path), **SMALL}
    return given, _without(path, "label"), {"classes": "red,green,blue"}


def _masks(folder: Path) -> Made:
    path = masks_folder(folder / "masks", labelled=60, unlabelled=0)
    classes = {"classes": "1=thing,2=ground", "background": "2", "ignore": "3"}
    given = {"task": "mask-folder", "data": str(path), **SMALL, **classes}
    return given, lambda: shutil.rmtree(path / "masks"), {}


def _boxes(form: str) -> Callable[[Path], Made]:
    said = {"coco": "annotations.json", "voc": "Annotations", "yolo": "labels"}

    def make(folder: Path) -> Made:
        path = boxes_folder(folder / "boxes", form, labelled=60, unlabelled=0)
        given = {"task": form, "data": str(path), **SMALL}

        def hide() -> None:
            file = path / said[form]
            file.unlink() if file.is_file() else shutil.rmtree(file)

        return given, hide, {"classes": "bright,dim"}

    return make


def _entities(folder: Path) -> Made:
    from tests.entity_texts import json_lines

    path = json_lines(folder / "texts.jsonl", 90)

    def hide() -> None:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps({**row, "entities": None}) + "\n" for row in rows))

    given = {"task": "text-entities", "data": str(path), "encoder": "none"}
    return given, hide, {"classes": "PER,LOC,ORG"}


_MAKE: dict[str, Callable[[Path], Made]] = {
    "rows": _rows,
    "numbers": _numbers,
    "several labels": _several,
    "texts": _texts,
    "images": _images,
    "listed images": _listed,
    "masks": _masks,
    "coco": _boxes("coco"),
    "voc": _boxes("voc"),
    "yolo": _boxes("yolo"),
    "entities": _entities,
}
KINDS: Sequence[str] = tuple(_MAKE)
