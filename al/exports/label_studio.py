"""Labels as Label Studio imports them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

from al.annotators.label_studio.forms import ground_of
from al.annotators.label_studio.project import config, form_of, shown_as
from al.catalog import formats
from al.contracts import BY_MODEL
from al.exports.base import Format, Labels, picture


@formats.register("label-studio")
class LabelStudio(Format):
    """tasks.json to import (labels as annotations, models' as predictions) and config.xml"""

    says_who = shows_guesses = True
    forms = frozenset({"choice", "choices", "value", "regions", "rectangles", "spans"})

    def write(self, labels: Labels, folder: Path) -> None:
        shown = shown_as(labels.shown)
        text = config(labels.data.spec, shown)
        form = form_of(text, labels.data.spec, shown)
        (folder / "config.xml").write_text(text, encoding="utf-8")
        known = labels.frame.set_index("id")[["cycle", "annotator", "shown"]]
        by_model = set(labels.frame["id"][labels.frame["strategy"] == BY_MODEL])
        tasks = []
        for id, _, label in labels:
            ground = ground_of(labels.data, id)
            given = {"item_id": id, **{k: _plain(v) for k, v in known.loc[id].items()}}
            task: dict[str, Any] = {"data": {form.key: self._value(labels, id, shown), **given}}
            if id not in by_model:
                task["annotations"] = [{"result": form.results(label, ground)}]
            if guess := labels.guesses.get(id):
                results = form.results(labels.data.on_picture(id, guess.label), ground)
                prediction = {"model_version": guess.model, "result": results}
                task["predictions"] = [prediction | {"score": guess.confidence}]
            tasks.append(task)
        (folder / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")

    @staticmethod
    def _value(labels: Labels, id: str, shown: str) -> Any:
        """What Label Studio shows: an image's URL, or itself as one."""
        if shown == "text":
            return labels.text(id)
        if shown == "row":
            row = labels.data.preview(id).row or {}
            return {str(name): _plain(value) for name, value in row.items()}
        source = labels.data.source(id) or ""
        if source.startswith("http"):
            return source
        file = io.BytesIO()
        picture(labels.image(id)).save(file, "PNG")
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if value is None or value != value:
        return ""
    return value if isinstance(value, (str, int, float)) else str(value)
