"""Where an image lies in its square."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from al.data.placing import nearest, place_of


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([8, 17, 64]))
def test_a_place_is_where_the_image_is_put(across: int, down: int, size: int) -> None:
    if round(min(across, down) / max(across, down) * size) == 0:
        return  # Pillow refuses what becomes nothing
    shown = np.asarray(ImageOps.pad(Image.new("L", (across, down), 255), (size, size)))
    assert np.array_equal(place_of(across, down, size).covers(size), shown > 0)


@given(
    st.integers(4, 400), st.integers(4, 400), st.lists(st.floats(0, 1), min_size=4, max_size=4)
)  # fmt: skip
def test_a_box_goes_into_the_square_and_comes_back(
    across: int, down: int, shares: list[float]
) -> None:
    place = place_of(across, down, 64)
    x, y = shares[0] * across, shares[1] * down
    box = [x, y, shares[2] * (across - x), shares[3] * (down - y)]
    inside = place.into(box)
    assert inside[0] >= place.left - 1e-6
    assert inside[0] + inside[2] <= place.left + place.width + 1e-6
    assert place.back(inside) == pytest.approx(box, abs=1e-6)


def test_a_box_that_leaves_the_image_is_cut_at_its_edges() -> None:
    place = place_of(40, 20, 20)
    assert place.back([-2, 3, 30, 30]) == [0, 0, 40, 20]


def test_the_nearest_value_stays_a_value() -> None:
    values = np.array([[1, 2], [3, 200]])
    assert nearest(values, 4, 4).tolist() == [
        [1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 200, 200], [3, 3, 200, 200]
    ]  # fmt: skip
    assert nearest(nearest(values, 6, 6), 2, 2).tolist() == values.tolist()
