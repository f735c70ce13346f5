"""Where an image lies in the square that is learned from: whole, in the middle, on black."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Place(NamedTuple):
    """An image in its square, in pixels of the square, and what it is by itself.

    Attributes:
        across, down: width and height of the image.
    """

    left: int
    top: int
    width: int
    height: int
    across: int
    down: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns in the square."""
        rows = slice(self.top, self.top + self.height)
        return rows, slice(self.left, self.left + self.width)

    def covers(self, size: int) -> np.ndarray:
        """Which pixels of the square are of the image, bool [size, size]."""
        found = np.zeros((size, size), bool)
        found[self.slices] = True
        return found

    def into(self, box: Sequence[float]) -> list[float]:
        """A box x, y, width, height of the image in pixels of the square."""
        x, y, width, height = box
        wide, high = self.width / self.across, self.height / self.down
        return [self.left + x * wide, self.top + y * high, width * wide, height * high]

    def back(self, box: Sequence[float]) -> list[float]:
        """A box of the square in pixels of the image, cut at its edges."""
        x, y, width, height = box
        wide, high = self.across / self.width, self.down / self.height
        low = [(x - self.left) * wide, (y - self.top) * high]
        high_end = [low[0] + width * wide, low[1] + height * high]
        limits = (self.across, self.down)
        low = [min(max(at, 0.0), most) for at, most in zip(low, limits, strict=True)]
        high_end = [min(max(at, 0.0), most) for at, most in zip(high_end, limits, strict=True)]
        return [*low, high_end[0] - low[0], high_end[1] - low[1]]


def place_of(across: int, down: int, size: int) -> Place:
    """Where `PIL.ImageOps.pad` puts an image of that width and height."""
    width = height = size
    if across > down:
        height = max(1, round(down / across * size))
    elif across < down:
        width = max(1, round(across / down * size))
    return Place(round((size - width) * 0.5), round((size - height) * 0.5), width, height, across,
                 down)  # fmt: skip


def nearest(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Values [H, W] at another size: of each pixel that of the nearest one."""
    rows = ((np.arange(height) + 0.5) * values.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * values.shape[1] / width).astype(int)
    return np.asarray(values[rows[:, None], columns])
