"""Masks as labels, exact to the pixel."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from al.data import decode_mask, encode_mask
from al.errors import LabelError

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 3))))
def test_a_mask_comes_back_to_the_pixel_through_json(mask: np.ndarray) -> None:
    label = json.loads(json.dumps(encode_mask(mask)))
    assert np.array_equal(decode_mask(label, 4), mask)


@pytest.mark.parametrize(
    "label",
    [
        "nucleus",
        None,
        {"size": [2, 2]},
        {"size": [2, 2], "runs": [0, 3]},
        {"size": [2, 2], "runs": [0, 5]},
        {"size": [2, 2], "runs": [0, 4, 1]},
        {"size": [2, 2], "runs": [2, 4]},
        {"size": [2, 2], "runs": [-1, 4]},
        {"size": [2, 2], "runs": [0, 6, 1, -2]},
        {"size": [0, 2], "runs": []},
    ],
)
def test_what_is_no_mask_of_the_classes_is_refused(label: Any) -> None:
    with pytest.raises(LabelError):
        decode_mask(label, 2)
