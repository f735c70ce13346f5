"""A class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from al.catalog import kinds
from al.contracts import Label
from al.errors import LabelError
from al.kinds.base import Kind, Trait, even
from al.kinds.colours import of_class
from al.kinds.metrics import Metric
from al.masks import VOID, decode_mask, encode_mask

if TYPE_CHECKING:
    from PIL.Image import Image

#: Share of a colour where a mask covers an image.
COVER = 0.45


@kinds.register("mask")
class Masks(Kind):
    """A mask each, as large as its image; class 0 is the background.

    A label is `{"size": [H, W], "runs": [class, length, class, length, …]}`, positions in the
    classes along the rows, see `al.masks`; a target is uint8 [H, W]. Where the details of the
    spec say `void`, pixels may be `VOID`: of no known class, left out of loss and metrics.
    """

    labels_are = "masks"
    form = "regions"
    metric = "mean_iou"
    strategy = "entropy"
    suits = "entropy, bald or foreground_random"
    traits = frozenset({Trait.FIELDS, Trait.PIXELS, Trait.BACKGROUND})
    over: ClassVar[tuple[str, ...]] = ("patch", "top", "foreground", "mean")
    coloured = 1
    metrics = MappingProxyType({"mean_iou": Metric(), "dice": Metric()})

    @property
    def void(self) -> bool:
        return bool(self.spec.details.get("void"))

    @property
    def _size(self) -> tuple[int, ...]:
        return self.spec.image_shape

    def check(self, label: Label) -> None:
        try:  # before it is decoded: a wrong size may be as large as it likes
            shape = tuple(int(side) for side in label["size"])
        except (KeyError, TypeError, ValueError, OverflowError):
            shape = self._decoded(label).shape  # says what a mask is
        if shape != self._size:
            raise LabelError(f"a mask is {_by(shape)}, its image {_by(self._size)}: draw it anew")
        self._decoded(label)

    def from_form(self, value: Any) -> Label:
        return encode_mask(self._decoded(value))

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        found = np.empty((len(labels), *self._size), np.uint8)
        for row, label in enumerate(labels):
            found[row] = self._decoded(label)
        return torch.from_numpy(found)

    def majority(self, labels: Sequence[Label]) -> Label:
        """The commonest class of each pixel; a tie goes to the first."""
        masks = np.stack([self._decoded(label) for label in labels])
        values = np.array([*range(len(self.place)), *([VOID] if self.void else [])], np.uint8)
        counts = np.stack([(masks == value).sum(axis=0) for value in values])
        first = np.take_along_axis(counts, np.searchsorted(values, masks[:1]), axis=0)[0]
        common = values[counts.argmax(axis=0)]
        return encode_mask(np.where(first == counts.max(axis=0), masks[0], common))

    def wrong(self, target: Any) -> str:
        if target.shape != self._size:
            return f"its mask is {_by(target.shape)}, its image {_by(self._size)}"
        strange = target[(target >= len(self.place)) & ~(self.void & (target == VOID))]
        if len(strange):
            return f"its mask holds {strange.max()}, which is not one of {len(self.place)} classes"
        return ""

    def label(self, target: Any) -> Label:
        return encode_mask(target)

    def compared(self, truth: Sequence[Label], guessed: Sequence[Label]) -> np.ndarray:
        """Of pixels, where the truth is known."""
        count = len(self.place)
        found = np.zeros((len(truth), count, 3))
        for row, pair in enumerate(zip(truth, guessed, strict=True)):
            true, guess = (self._decoded(label).ravel().astype(int) for label in pair)
            true, guess = true[true != VOID], guess[true != VOID]
            right = np.bincount(true[true == guess], minlength=count)
            found[row, :, 0] = right
            found[row, :, 1] = np.bincount(guess, minlength=count) - right
            found[row, :, 2] = np.bincount(true, minlength=count) - right
        return found

    def balanced(self, labels: Sequence[Label]) -> np.ndarray:
        """Of the pixels that are known, [C]."""
        counts = np.zeros(256, np.int64)
        for label in labels:
            counts += np.bincount(self._decoded(label).ravel(), minlength=256)
        return even(counts[: len(self.place)])

    def cost(self, target: Any) -> float:
        """Pixels of outline, as outlines are what people draw; 1 where there is none."""
        edge = np.zeros(target.shape, bool)
        known = target != VOID
        for axis in (0, 1):
            of, sure, edges = (np.moveaxis(array, axis, 0) for array in (target, known, edge))
            edges[:-1] |= (of[1:] != of[:-1]) & sure[1:] & sure[:-1]
        return float(max(edge.sum(), 1))

    def names(self, label: Label) -> list[str]:
        return [self.spec.classes[value] for value in _known(self._decoded(label))]

    def brief(self, label: Label) -> str:
        mask = self._decoded(label)
        known = mask[mask != VOID]
        return f"{(known > 0).mean() if len(known) else 0:.0%} foreground"

    def believed(self, label: Label, sure: float) -> str:
        return self.brief(label)

    def drawn(self, image: np.ndarray, label: Label | None, size: tuple[int, int]) -> Image:
        """The image, tinted where the mask is not background."""
        if label is not None:
            mask = self._decoded(label)
            image = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image.copy()
            for number in [n for n in _known(mask) if n >= self.first]:
                where, colour = mask == number, np.array(of_class(number - self.first))
                image[where] = ((1 - COVER) * image[where] + COVER * colour).astype(np.uint8)
        return super().drawn(image, label, size)

    def _decoded(self, label: Label) -> np.ndarray:
        return decode_mask(label, len(self.place), void=self.void)


@kinds.register("scene")
class Scenes(Masks):
    """A mask each in which every class counts alike, as there is no background.

    Pixels that nobody drew are of no known class.
    """

    labels_are = "masks without a background"
    suits = "entropy, bald or typiclust"
    traits = frozenset({Trait.FIELDS, Trait.PIXELS})
    over = ("patch", "top", "mean")
    first, blank = 0, VOID
    coloured = 0

    @property
    def void(self) -> bool:
        return True

    def brief(self, label: Label) -> str:
        mask = self._decoded(label)
        counts = {value: (mask == value).sum() for value in _known(mask)}
        if not counts:
            return "nothing known"
        most = max(counts, key=lambda value: counts[value])
        return f"{counts[most] / sum(counts.values()):.0%} {self.spec.classes[most]}"


def _known(mask: np.ndarray) -> list[int]:
    """The positions of the classes that a mask holds."""
    found: list[int] = np.unique(mask[mask != VOID]).tolist()
    return found


def _by(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
