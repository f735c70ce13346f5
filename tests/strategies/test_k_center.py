"""k-center: what it saves, beside what it picks (`tests/test_strategies.py`)."""

from __future__ import annotations

import numpy as np
import pytest

from al.strategies import ArrayView, build
from al.strategies.k_center import _Farthest


def test_distances_are_measured_anew_only_where_products_leave_something_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[tuple[int, int]] = []
    original = _Farthest._squared
    monkeypatch.setattr(
        _Farthest,
        "_squared",
        lambda search, row, centre: measured.append((row, centre)) or original(search, row, centre),
    )
    points = np.random.default_rng(0).normal(size=(3000, 16)).astype(np.float32)
    seen = ArrayView(features=points[:200])
    picks = build("k_center")(
        ArrayView(features=points[200:], labelled=seen), 50, np.random.default_rng(0)
    )
    assert len(picks.positions) == 50
    assert len(measured) <= 100  # two a pick, of 2,800 · 225 pairs


def test_equal_samples_in_float32_are_told_apart_where_they_differ() -> None:
    far = np.array([[0.0], [1.0], [1.0 + 2.0**-23]], np.float32) + 0  # the last bit of a float
    seen = ArrayView(features=far[:1])
    picks = build("k_center")(
        ArrayView(features=far[1:], labelled=seen), 2, np.random.default_rng(0)
    )
    assert picks.positions.tolist() == [1, 0]
    assert picks.scores == pytest.approx([1 + 2.0**-23, 2.0**-23], rel=1e-12)
