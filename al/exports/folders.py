"""Labels as a tree of folders, and as a folder that other libraries of the field load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from al.catalog import formats
from al.exports.base import Format, Labels, as_folder, as_png


@formats.register("folder")
class Folder(Format):
    """A folder a class with the images or texts in it: what `task=image-folder` reads"""

    forms = frozenset({"choice"})
    shown = frozenset({"image", "text"})

    def write(self, labels: Labels, folder: Path) -> None:
        for name in labels.classes:
            (folder / as_folder(name)).mkdir()
        for id, stem, label in labels:
            path = folder / as_folder(label) / stem
            if labels.shown.text is not None:
                path.with_name(f"{stem}.txt").write_text(labels.text(id), encoding="utf-8")
            elif (own := labels.file(id)) is not None:
                ending = own.suffix.lower()
                shutil.copyfile(own, path.with_name(stem.removesuffix(own.suffix) + ending))
            else:
                as_png(labels.image(id), path.with_name(f"{stem}.png"))


@formats.register("datasets")
class Datasets(Format):
    """metadata.jsonl beside images/, or data.jsonl of texts: what Hugging Face's datasets loads"""

    forms = frozenset({"choice", "choices", "value", "rectangles", "spans"})
    shown = frozenset({"image", "text"})

    def write(self, labels: Labels, folder: Path) -> None:
        texts = labels.shown.text is not None
        with (folder / ("data.jsonl" if texts else "metadata.jsonl")).open("w") as file:
            for id, stem, label in labels:
                row: dict[str, Any] = {"text": labels.text(id)}
                if not texts:
                    row = {"file_name": f"images/{stem}.png"}
                    as_png(labels.image(id), folder / row["file_name"])
                file.write(json.dumps({**row, **_columns(labels, label), "id": id}) + "\n")


def _columns(labels: Labels, label: Any) -> dict[str, Any]:
    if labels.kind.form == "rectangles":
        boxes = [entry["box"] for entry in label]
        return {"objects": {"bbox": boxes, "categories": [entry["label"] for entry in label]}}
    if labels.kind.form == "spans":
        return {"entities": label}
    return {"label": label}
