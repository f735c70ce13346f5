"""Masks between the square that is learned from and the image, to the pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.data.mask_sizes import FULL, as_learned, as_painted, in_square
from al.data.placing import place_of
from al.errors import LabelError
from al.masks import VOID, decode_mask, encode_mask

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 60))


def masks(shape: tuple[int, ...], seed: int) -> np.ndarray:
    values = np.array([0, 1, 2, VOID], np.uint8)
    return values[np.random.default_rng(seed).integers(0, 4, shape)]


@given(SIZES, st.sampled_from([8, 16, 24]), st.integers(0, 99))
def test_a_mask_that_people_painted_comes_back_as_they_painted_it(
    own: tuple[int, int], size: int, seed: int
) -> None:
    place, painted = place_of(own[1], own[0], size), encode_mask(masks(own, seed))
    label: Any = as_learned(painted, place, size, 3)
    assert as_painted(label, place, 3) == painted
    assert label["size"] == [size, size]
    square = decode_mask(label, 3, void=True)
    assert (square[~place.covers(size)] == VOID).all()
    assert as_learned(as_painted(label, place, 3), place, size, 3) == label
    if size >= max(own):
        assert FULL not in label


@given(SIZES, st.sampled_from([8, 16, 24]), st.integers(0, 99))
def test_a_mask_of_the_square_of_a_larger_image_goes_there_and_back(
    more: tuple[int, int], size: int, seed: int
) -> None:
    across, down = more[0] + size, more[1] + size
    place = place_of(across, down, size)
    label = encode_mask(in_square(masks((down, across), seed), place, size))
    painted = as_painted(label, place, 3)
    assert painted["size"] == [down, across]
    assert {**as_learned(painted, place, size, 3), FULL: None} == {**label, FULL: None}


def test_a_mask_of_another_size_is_refused_and_one_of_the_square_is_taken() -> None:
    place, square = place_of(40, 20, 8), encode_mask(np.ones((8, 8), np.uint8))
    assert as_learned(square, place, 8, 3) == square
    with pytest.raises(LabelError, match="a mask is 5 × 7 pixels, its image 20 × 40: draw it"):
        as_learned(encode_mask(np.ones((5, 7), np.uint8)), place, 8, 3)
    with pytest.raises(LabelError, match="a mask holds 3, which is not one of the 3 classes"):
        as_learned(encode_mask(np.full((20, 40), 3, np.uint8)), place, 8, 3)
