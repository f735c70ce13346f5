"""A class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
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
from al.masks import decode_mask, encode_mask

if TYPE_CHECKING:
    from PIL.Image import Image

#: Share of a colour where a mask covers an image.
COVER = 0.45


@kinds.register("mask")
class Masks(Kind):
    """A mask each, as large as its image; class 0 is the background.

    A label is `{"size": [H, W], "runs": [class, length, class, length, …]}`, positions in the
    classes along the rows, see `al.masks`; a target is uint8 [H, W].
    """

    said = "masks"
    form = "regions"
    metric = "mean_iou"
    strategy = "entropy"
    suits = "entropy, bald or foreground_random"
    traits = frozenset({Trait.FIELDS, Trait.BACKGROUND})
    over = ("patch", "top", "foreground", "mean")
    metrics = MappingProxyType({"mean_iou": Metric(), "dice": Metric()})

    @property
    def _size(self) -> tuple[int, ...]:
        return self.spec.input_shape[:2]

    def check(self, label: Label) -> None:
        shape = self._decoded(label).shape
        if shape != self._size:
            raise LabelError(f"a mask is {_by(shape)}, its image {_by(self._size)}: draw it anew")

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        found = np.empty((len(labels), *self._size), np.uint8)
        for row, label in enumerate(labels):
            found[row] = self._decoded(label)
        return torch.from_numpy(found)

    def majority(self, labels: Sequence[Label]) -> Label:
        """The commonest class of each pixel; a tie goes to the first."""
        masks = np.stack([self._decoded(label) for label in labels])
        counts = np.stack([(masks == place).sum(axis=0) for place in range(len(self.place))])
        first = np.take_along_axis(counts, masks[:1].astype(int), axis=0)[0]
        return encode_mask(np.where(first == counts.max(axis=0), masks[0], counts.argmax(axis=0)))

    def wrong(self, target: Any) -> str:
        if target.shape != self._size:
            return f"its mask is {_by(target.shape)}, its image {_by(self._size)}"
        if target.max(initial=0) >= len(self.place):
            return f"its mask holds {target.max()}, which is none of {len(self.place)} classes"
        return ""

    def label(self, target: Any) -> Label:
        return encode_mask(target)

    def compared(self, truth: Sequence[Label], guessed: Sequence[Label]) -> np.ndarray:
        """Of pixels."""
        count = len(self.place)
        found = np.zeros((len(truth), count, 3))
        for row, pair in enumerate(zip(truth, guessed, strict=True)):
            true, said = (self._decoded(label).ravel().astype(int) for label in pair)
            right = np.bincount(true[true == said], minlength=count)
            found[row, :, 0] = right
            found[row, :, 1] = np.bincount(said, minlength=count) - right
            found[row, :, 2] = np.bincount(true, minlength=count) - right
        return found

    def cost(self, target: Any) -> float:
        """Pixels of outline, as outlines are what people draw; 1 where there is none."""
        edge = np.zeros(target.shape, bool)
        for axis in (0, 1):
            differs = np.diff(target, axis=axis) != 0
            ahead = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
            edge[ahead] |= differs
        return float(max(edge.sum(), 1))

    def brief(self, label: Label) -> str:
        return f"{(self._decoded(label) > 0).mean():.0%} foreground"

    def believed(self, label: Label, sure: float) -> str:
        return self.brief(label)

    def drawn(self, image: np.ndarray, label: Label | None, size: tuple[int, int]) -> Image:
        """The image, tinted where the mask is no background."""
        if label is not None:
            mask = self._decoded(label)
            image = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image.copy()
            for number in np.unique(mask[mask > 0]):
                where, colour = mask == number, np.array(of_class(number - 1))
                image[where] = ((1 - COVER) * image[where] + COVER * colour).astype(np.uint8)
        return super().drawn(image, label, size)

    def _decoded(self, label: Label) -> np.ndarray:
        return decode_mask(label, len(self.place))


def _by(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
