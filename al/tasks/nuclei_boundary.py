"""Nuclei and their boundaries: so that nuclei that touch stay apart."""

from __future__ import annotations

import numpy as np

from al.catalog import tasks
from al.tasks.nuclei import Nuclei


@tasks.register("nuclei-boundary")
class NucleiBoundary(Nuclei):
    """The micrographs of `nuclei`; background, inside and boundary; the same graph and loss."""

    classes = ("background", "inside", "boundary")

    def mask(self, numbered: np.ndarray) -> np.ndarray:
        return boundary(numbered)


def boundary(numbered: np.ndarray) -> np.ndarray:
    """Class of each pixel: boundary is of a nucleus, with another or none next to it."""
    from scipy.ndimage import maximum_filter, minimum_filter

    numbers = numbered.astype(np.int32)
    edge = maximum_filter(numbers, 3) != minimum_filter(numbers, 3)
    return np.where(numbers == 0, 0, np.where(edge, 2, 1)).astype(np.uint8)
