"""What a label is, for each kind of problem: checked, written down, and as a tensor."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from al.contracts import DataSpec, Kind, Label
from al.errors import DataError, LabelError, did_you_mean
from al.masks import decode_mask, encode_mask


class Targets(ABC):
    """The labels of samples in the form that a Data Loader holds them, one a sample."""

    kind: ClassVar[Kind]

    def __init__(self, held: Any, spec: DataSpec) -> None:
        self.held, self.spec = held, spec
        self.place = {name: position for position, name in enumerate(spec.classes)}

    @abstractmethod
    def wrong(self, row: int) -> str:
        """What is wrong with a sample's target, in words; "" where nothing is."""

    @abstractmethod
    def label(self, row: int) -> Label:
        """A sample's label as annotators would answer it."""

    @abstractmethod
    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        """Labels as a Graph takes them, one row each."""

    @abstractmethod
    def check(self, label: Label) -> None:
        """Refuse what is no label.

        Raises:
            LabelError: says what one looks like.
        """

    def cost(self, row: int) -> float:
        """What annotating the sample takes, above zero."""
        return 1.0

    def check_all(self, ids: Sequence[str]) -> None:
        """Refuse targets that are none.

        Raises:
            DataError: names the first sample whose target is wrong.
        """
        for row, id in enumerate(ids):
            if problem := self.wrong(row):
                raise DataError(f"sample {id!r}: {problem}: check the data file")

    def _class(self, name: Any) -> int:
        if not isinstance(name, str) or name not in self.place:
            raise LabelError(f"{name!r} is no class: {did_you_mean(str(name), self.place)}")
        return self.place[name]


class ClassTargets(Targets):
    """Positions of classes, [N]."""

    kind = "class"

    def check_all(self, ids: Sequence[str]) -> None:
        count = len(self.spec.classes)
        if len(self.held) and not 0 <= self.held.min() <= self.held.max() < count:
            raise DataError(f"a target is none of the {count} classes: check the data file")

    def wrong(self, row: int) -> str:
        return ""

    def label(self, row: int) -> Label:
        return self.spec.classes[self.held[row]]

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        return torch.tensor([self.place[label] for label in labels], dtype=torch.int64)

    def check(self, label: Label) -> None:
        self._class(label)


class LabelsTargets(Targets):
    """Whether each class applies, bool [N, C]."""

    kind = "labels"

    def wrong(self, row: int) -> str:
        shape = np.shape(self.held[row])
        return "" if shape == (len(self.place),) else f"{shape} flags for {len(self.place)} classes"

    def label(self, row: int) -> Label:
        return sorted(self.spec.classes[c] for c in np.flatnonzero(self.held[row]))

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        found = torch.zeros(len(labels), len(self.place), dtype=torch.int64)
        for row, names in enumerate(labels):
            found[row, [self.place[name] for name in names]] = 1
        return found

    def check(self, label: Label) -> None:
        if not isinstance(label, list):
            raise LabelError(f"{label!r} is no list of classes: answer like {self._example()}")
        for name in label:
            self._class(name)
        if label != sorted(set(label)):
            raise LabelError(f"{label!r} is not sorted, or holds a class twice: answer each once")

    def _example(self) -> list[str]:
        return sorted(self.place)[:2]


class MaskTargets(Targets):
    """Positions of classes, uint8 [N, H, W], as large as the images."""

    kind = "mask"

    @property
    def _size(self) -> tuple[int, ...]:
        return self.spec.input_shape[:2]

    def wrong(self, row: int) -> str:
        mask = self.held[row]
        if mask.shape != self._size:
            return f"its mask is {_by(mask.shape)}, its image {_by(self._size)}"
        if mask.max(initial=0) >= len(self.place):
            return f"its mask holds {mask.max()}, which is none of {len(self.place)} classes"
        return ""

    def label(self, row: int) -> Label:
        return encode_mask(self.held[row])

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        found = np.empty((len(labels), *self._size), np.uint8)
        for row, label in enumerate(labels):
            found[row] = decode_mask(label, len(self.place))
        return torch.from_numpy(found)

    def check(self, label: Label) -> None:
        shape = decode_mask(label, len(self.place)).shape
        if shape != self._size:
            raise LabelError(f"a mask is {_by(shape)}, its image {_by(self._size)}: draw it anew")

    def cost(self, row: int) -> float:
        """Pixels of outline, as outlines are what people draw; 1 where there is none."""
        mask = self.held[row]
        edge = np.zeros(mask.shape, bool)
        for axis in (0, 1):
            differs = np.diff(mask, axis=axis) != 0
            ahead = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
            edge[ahead] |= differs
        return float(max(edge.sum(), 1))


class BoxesTargets(Targets):
    """A list of arrays [boxes, 5]: position of the class, x, y, width, height in pixels."""

    kind = "boxes"

    def wrong(self, row: int) -> str:
        for number, *box in np.asarray(self.held[row], float).reshape(-1, 5).tolist():
            if not 0 <= number < len(self.place):
                return f"a box of class {number:g}, which is none of {len(self.place)}"
            if problem := self._misplaced(box):
                return problem
        return ""

    def label(self, row: int) -> Label:
        return [
            {"label": self.spec.classes[int(number)], "box": [round(side, 2) for side in box]}
            for number, *box in np.asarray(self.held[row], float).reshape(-1, 5).tolist()
        ]

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        """[n, most boxes, 5], filled up with rows of class −1."""
        found = torch.zeros(len(labels), max([1, *map(len, labels)]), 5)
        found[..., 0] = -1
        for row, boxes in enumerate(labels):
            for number, box in enumerate(boxes):
                found[row, number] = torch.tensor([self.place[box["label"]], *box["box"]])
        return found

    def check(self, label: Label) -> None:
        try:
            boxes = [(box["label"], [float(side) for side in box["box"]]) for box in label]
        except (KeyError, TypeError, ValueError):
            boxes = [("", [])]
        for name, box in boxes:
            if len(box) != 4:
                raise LabelError('boxes are [{"label": CLASS, "box": [x, y, width, height]}, …]')
            self._class(name)
            if problem := self._misplaced(box):
                raise LabelError(f"{problem}: draw it inside the image")

    def cost(self, row: int) -> float:
        """One for looking, and one for each box."""
        return 1.0 + len(self.held[row])

    def _misplaced(self, box: Sequence[float]) -> str:
        x, y, width, height = box
        high, wide = self.spec.input_shape[:2]
        shown = ", ".join(f"{side:g}" for side in box)
        if not all(map(math.isfinite, box)) or width <= 0 or height <= 0:
            return f"the box [{shown}] has no area"
        if x < -0.5 or y < -0.5 or x + width > wide + 0.5 or y + height > high + 0.5:
            return f"the box [{shown}] is outside its image of {wide} × {high}"
        return ""


class NumberTargets(Targets):
    """Numbers, [N]."""

    kind = "number"

    def wrong(self, row: int) -> str:
        value = float(self.held[row])
        return "" if math.isfinite(value) else f"its number is {value}"

    def label(self, row: int) -> Label:
        return float(self.held[row])

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        return torch.tensor([float(label) for label in labels], dtype=torch.float32)

    def check(self, label: Label) -> None:
        number = isinstance(label, (int, float)) and not isinstance(label, bool)
        if not number or not math.isfinite(label):
            raise LabelError(f"{label!r} is no finite number: answer with one")


def _by(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


#: Kind → how its targets are held.
TARGETS: dict[Kind, type[Targets]] = {
    found.kind: found
    for found in (ClassTargets, LabelsTargets, MaskTargets, BoxesTargets, NumberTargets)
}
