"""Labels as results in Label Studio, and results as labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from al.annotators.label_studio.shapes import decode_brush, encode_brush, fill_polygon, hull
from al.annotators.label_studio.spans import span_of
from al.annotators.spreadsheets import same
from al.contracts import DataLoader, Label
from al.errors import LabelError, did_you_mean
from al.kinds import Kind, kind_of
from al.masks import decode_mask, encode_mask

#: Form of an answer → the control tags that can give it; the first one shows predictions.
TAGS: Mapping[str, tuple[str, ...]] = {
    "choice": ("Choices",),
    "choices": ("Choices",),
    "regions": ("BrushLabels", "PolygonLabels", "RectangleLabels"),
    "rectangles": ("RectangleLabels",),
    "value": ("Number",),
    "spans": ("Labels",),
}
#: Forms that are drawn on images, and those that are marked in texts.
DRAWN = ("regions", "rectangles")
MARKED = ("spans",)
#: Name of the text field in which people name a class that is not there to choose.
OTHER = "new_class"
Result = Mapping[str, Any]
Size = tuple[int, int]  # height and width in pixels
#: What labels have their places in: an image of that size, or a text.
Ground = Size | str


def ground_of(data: DataLoader, id: str) -> Ground | None:
    """What labels of a sample have their places in; None where they have none."""
    form = kind_of(data.spec).form
    if form in MARKED:
        return data.preview(id).text
    return data.picture_size(id) if form in DRAWN else None


@dataclass(frozen=True)
class Form:
    """How samples are shown and labels given in a project.

    Attributes:
        shows: name of the tag that shows the sample.
        key: what it shows of a task's data.
        controls: name of each tag that gives labels → what kind of tag.
        grows: people may name classes that the task does not know.
    """

    kind: Kind
    shows: str
    key: str
    controls: Mapping[str, str]
    grows: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.kind.spec.classes

    # -- results to labels -----------------------------------------------------------------

    def label(self, results: Sequence[Result], ground: Ground | None) -> Label:
        """The label that an annotation's results say; None where they say nothing yet.

        Args:
            ground: see `ground_of`.

        Raises:
            LabelError: a class that the task does not know, a damaged shape, or entities that
                overlap.
        """
        value = self._value(results, ground)
        label = None if value is None else self.kind.from_form(value)
        if self.kind.form in MARKED:
            self.kind.check(label)
        return label

    def _value(self, results: Sequence[Result], ground: Ground | None) -> Any:
        mine = [result for result in results if result.get("from_name") in self.controls]
        form = self.kind.form
        if form == "value":
            return mine[-1]["value"]["number"] if mine else None
        if form in MARKED:
            assert isinstance(ground, str)  # they are marked in texts
            return [self._span(result, ground) for result in mine if _names(result) is not None]
        if form not in DRAWN:
            chosen = [name for result in mine for name in result["value"]["choices"]]
            for name in chosen:
                self._position(name)
            chosen += self._others(results)
            if form == "choices":
                return chosen
            if len(set(chosen)) > 1:
                raise LabelError(f"{len(chosen)} classes are chosen: choose one")
            return chosen[0] if chosen else None
        assert isinstance(ground, tuple)  # shapes are drawn on images
        size = ground
        shapes = [result for result in mine if _names(result) is not None]
        if form == "rectangles":
            return [self._box(result, size) for result in shapes]
        mask = np.full(size, self.kind.blank, np.uint8)  # what nobody painted
        for result in shapes:
            mask[self._pixels(result, size)] = self._class(result)
        return encode_mask(mask)

    def _others(self, results: Sequence[Result]) -> list[str]:
        """Classes that were named beside those to choose from."""
        value = [r["value"]["text"] for r in results if r.get("from_name") == OTHER and self.grows]
        texts = [text for some in value for text in ([some] if isinstance(some, str) else some)]
        names = (" ".join(text.split()) for text in texts)
        return [same(name, self.classes) or name for name in names if name]

    def _position(self, name: str) -> int:
        if name not in self.classes:
            raise LabelError(f"{name!r} is not a class: {did_you_mean(name, self.classes)}")
        return self.classes.index(name)

    def _class(self, result: Result) -> int:
        names = _names(result) or ()
        if len(names) != 1:
            raise LabelError(f"a shape has {len(names)} labels: give it one")
        return self._position(names[0])

    def _span(self, result: Result, text: str) -> dict[str, Any]:
        start, end = span_of(result["value"], text)
        return {"start": start, "end": end, "label": self.classes[self._class(result)]}

    def _pixels(self, result: Result, size: Size) -> np.ndarray:
        value, (height, width) = result["value"], size
        if result["type"] == "brushlabels":
            drawn = (result["original_height"], result["original_width"])
            if drawn != size:
                raise LabelError(
                    f"a stroke was drawn on an image of {drawn[0]} × {drawn[1]} pixels, and the "
                    f"sample has {height} × {width}: show people the sample as it is"
                )
            return decode_brush(value["rle"], height, width)
        if result["type"] == "polygonlabels":
            points = np.asarray(value["points"], np.float64)
        else:
            x, y, w, h = value["x"], value["y"], value["width"], value["height"]
            points = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
        return fill_polygon(points * (width, height) / 100, height, width)

    def _box(self, result: Result, size: Size) -> dict[str, Any]:
        value, (height, width) = result["value"], size
        across = [value[side] * width / 100 for side in ("x", "width")]
        down = [value[side] * height / 100 for side in ("y", "height")]
        box = hull([across[0], down[0], across[1], down[1]], value.get("rotation", 0))
        # Percentages cost the last digits of a double.
        return {
            "label": self.classes[self._class(result)],
            "box": [round(side, 6) for side in box],
        }

    # -- labels to results -----------------------------------------------------------------

    def results(self, label: Label, ground: Ground | None) -> list[dict[str, Any]]:
        """Results that show a label to an annotator, or say it for one."""
        form, whole = self.kind.form, self.kind.to_form(label)
        name, tag = next(
            (name, tag)
            for wanted in TAGS[form]
            for name, tag in self.controls.items()
            if tag == wanted
        )
        kind = tag.lower()
        values: list[dict[str, Any]]
        size = ground if isinstance(ground, tuple) else None
        if form == "value":
            values = [{"number": whole}]
        elif form in MARKED:
            assert isinstance(ground, str)
            values = [
                {
                    "start": entity["start"],
                    "end": entity["end"],
                    "text": ground[entity["start"] : entity["end"]],
                    kind: [entity["label"]],
                }
                for entity in whole
            ]
        elif form not in DRAWN:
            values = [{"choices": [whole] if form == "choice" else list(whole)}]
        elif form == "rectangles":
            assert size is not None
            values = [
                {**_percent(entry["box"], size), "rotation": 0, kind: [entry["label"]]}
                for entry in whole
            ]
        elif kind == "brushlabels":
            mask = decode_mask(whole, len(self.classes), void=self.kind.void)
            values = [
                {"format": "rle", "rle": encode_brush(mask == position), kind: [name]}
                for position, name in enumerate(self.classes)
                if position >= self.kind.first and (mask == position).any()
            ]
        else:
            values = []  # a mask cannot be shown where people draw outlines only
        frame: dict[str, Any] = {}
        if size is not None and form in DRAWN:
            frame = {"original_height": size[0], "original_width": size[1], "image_rotation": 0}
        return [
            {
                "id": f"{kind}{number}",
                "from_name": name,
                "to_name": self.shows,
                "type": kind,
                "value": value,
                **frame,
            }
            for number, value in enumerate(values)
        ]


def _names(result: Result) -> Sequence[str] | None:
    """The labels of a shape; None for a region that is not a shape."""
    found = result["value"].get(result.get("type", ""))
    return found if isinstance(found, list) else None


def _percent(box: Sequence[float], size: Size) -> dict[str, float]:
    height, width = size
    x, y, w, h = box
    return {
        "x": x / width * 100,
        "y": y / height * 100,
        "width": w / width * 100,
        "height": h / height * 100,
    }
