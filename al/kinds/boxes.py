"""Boxes around things."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from al.catalog import kinds
from al.contracts import Label
from al.errors import LabelError
from al.kinds.base import Kind, Trait
from al.kinds.colours import of_class
from al.kinds.metrics import Metric

if TYPE_CHECKING:
    from PIL.Image import Image

#: Boxes that share so much of their union are of the same thing.
SAME = 0.5


@kinds.register("boxes")
class Boxes(Kind):
    """Any number of boxes each.

    A label is `[{"label": name of the class, "box": [x, y, width, height]}, …]` in pixels; a
    target is an array [boxes, 5] of class position, x, y, width and height.
    """

    labels_are = "boxes"
    form = "rectangles"
    metric = "map50"
    strategy = "entropy"
    suits = "entropy, bald or expected_boxes"
    traits = frozenset({Trait.FIELDS, Trait.COUNTS})
    over = ("sum", "max", "mean")
    metrics = MappingProxyType({"map50": Metric()})
    coloured = 0
    things = "boxes"

    def check(self, label: Label) -> None:
        try:
            boxes = [(box["label"], [float(side) for side in box["box"]]) for box in label]
        except (KeyError, TypeError, ValueError, OverflowError):
            boxes = [("", [])]
        if not isinstance(label, (list, tuple)):
            boxes = [("", [])]
        for name, box in boxes:
            if len(box) != 4:
                raise LabelError('boxes are [{"label": CLASS, "box": [x, y, width, height]}, …]')
            self._class(name)
            if problem := self._misplaced(box):
                raise LabelError(f"{problem}: draw it inside the image")

    def from_form(self, value: Any) -> Label:
        return [
            {"label": entry["label"], "box": [float(side) for side in entry["box"]]}
            for entry in value
        ]

    def renamed(self, label: Label, to: Callable[[str], str]) -> Label:
        return [{**box, "label": to(box["label"])} for box in label]

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        """[n, most boxes, 5], filled up with rows of class −1."""
        found = torch.zeros(len(labels), max([1, *map(len, labels)]), 5)
        found[..., 0] = -1
        for row, boxes in enumerate(labels):
            for number, box in enumerate(boxes):
                found[row, number] = torch.tensor([self.place[box["label"]], *box["box"]])
        return found

    def majority(self, labels: Sequence[Label]) -> Label:
        """The answer that agrees most with the others."""
        alike = [
            sum(_agreement(mine, other) for place, other in enumerate(labels) if place != number)
            for number, mine in enumerate(labels)
        ]
        return labels[int(np.argmax(alike))]

    def wrong(self, target: Any) -> str:
        for number, *box in _rows(target):
            if not 0 <= number < len(self.place):
                return f"a box of class {number:g}, which is not one of {len(self.place)}"
            if problem := self._misplaced(box):
                return problem
        return ""

    def label(self, target: Any) -> Label:
        return [
            {"label": self.spec.classes[int(number)], "box": [round(side, 2) for side in box]}
            for number, *box in _rows(target)
        ]

    def compared(self, truth: Sequence[Label], guessed: Sequence[Label]) -> np.ndarray:
        """Of boxes, where half of the union has to be shared."""
        found = np.zeros((len(truth), len(self.place), 3))
        for row, (true, guess) in enumerate(zip(truth, guessed, strict=True)):
            for name, place in self.place.items():
                mine, theirs = _of(guess, name), _of(true, name)
                right = int(matched(overlaps(mine, theirs)).sum()) if len(mine) else 0
                found[row, place] = right, len(mine) - right, len(theirs) - right
        return found

    def cost(self, target: Any) -> float:
        """One for looking, and one for each box."""
        return 1.0 + len(target)

    def names(self, label: Label) -> list[str]:
        return [entry["label"] for entry in label]

    def brief(self, label: Label) -> str:
        return "1 box" if len(label) == 1 else f"{len(label)} boxes"

    def drawn(self, image: np.ndarray, label: Label | None, size: tuple[int, int]) -> Image:
        """The image with the boxes in the colours of their classes."""
        from PIL import ImageDraw

        tile = super().drawn(image, label, size)
        draw = ImageDraw.Draw(tile)
        high, wide = self.spec.image_shape
        across, down = size[0] / wide, size[1] / high
        for entry in label or ():
            x, y, width, height = entry["box"]
            corners = (x * across, y * down, (x + width) * across - 1, (y + height) * down - 1)
            draw.rectangle(corners, outline=of_class(self.place[entry["label"]]))
        return tile

    def _misplaced(self, box: Sequence[float]) -> str:
        x, y, width, height = box
        high, wide = self.spec.image_shape
        shown = ", ".join(f"{side:g}" for side in box)
        if not all(map(math.isfinite, box)) or width <= 0 or height <= 0:
            return f"the box [{shown}] has no area"
        if x < -0.5 or y < -0.5 or x + width > wide + 0.5 or y + height > high + 0.5:
            return f"the box [{shown}] is outside its image of {wide} × {high}"
        return ""


def _rows(target: Any) -> list[list[float]]:
    found: list[list[float]] = np.asarray(target, float).reshape(-1, 5).tolist()
    return found


def overlaps(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU of boxes (x, y, width, height): [A, 4], [B, 4] → [A, B]."""
    low = np.maximum(one[:, None, :2], others[None, :, :2])
    high = np.minimum((one[:, :2] + one[:, 2:])[:, None], (others[:, :2] + others[:, 2:])[None])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    both = one[:, 2:].prod(axis=1)[:, None] + others[:, 2:].prod(axis=1)[None] - shared
    return np.asarray(shared / np.maximum(both, 1e-9))


def matched(iou: np.ndarray) -> np.ndarray:
    """Which boxes, best first, take a true one: each the free one that it overlaps most."""
    taken = np.zeros(iou.shape[1], bool)
    right = np.zeros(len(iou), bool)
    for row, found in enumerate(iou):
        if not taken.all():
            best = int(np.where(taken, -1.0, found).argmax())
            right[row] = found[best] >= SAME
            taken[best] |= right[row]
    return right


def _of(boxes: Sequence[dict[str, Any]], name: str) -> np.ndarray:
    """The boxes of a class, [n, 4]."""
    sides = [entry["box"] for entry in boxes if entry["label"] == name]
    return np.array(sides, float).reshape(-1, 4)


def _agreement(one: Sequence[dict[str, Any]], two: Sequence[dict[str, Any]]) -> float:
    """Share of boxes that find another of their label in the other answer, 0 to 1."""
    found = 0
    for name in {entry["label"] for entry in one}:
        mine, theirs = (
            np.array([entry["box"] for entry in boxes if entry["label"] == name], float)
            for boxes in (one, two)
        )
        found += int(matched(overlaps(mine, theirs.reshape(-1, 4))).sum())
    return 2 * found / (len(one) + len(two)) if one or two else 1.0
