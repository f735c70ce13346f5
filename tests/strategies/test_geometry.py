"""Distances and neighbours against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al.errors import StrategyError
from al.strategies import geometry
from al.strategies.geometry import Cloud, nearest, turns


def points(seed: int, count: int, width: int = 5) -> torch.Tensor:
    found = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return torch.from_numpy(found)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), count=st.integers(1, 40), k=st.integers(1, 50))
def test_neighbours_are_those_of_brute_force(seed: int, count: int, k: int) -> None:
    ours, others = points(seed, 30), points(seed + 1, count)
    distances, found = nearest(ours, others, k)
    wanted = np.linalg.norm(ours.numpy()[:, None] - others.numpy()[None], axis=2)
    np.testing.assert_allclose(distances, np.sort(wanted, axis=1)[:, :k], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(wanted, found.numpy(), 1), distances, rtol=1e-5)


def test_blocks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, others = points(0, 70), points(1, 40)
    whole = nearest(ours, others, 3)
    monkeypatch.setattr(geometry, "_BLOCK", 100)
    parts = nearest(ours, others, 3)
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])


def test_far_from_the_origin_distances_are_still_distances() -> None:
    ours = points(0, 50) + 1e4
    wanted = torch.cdist(ours.double(), ours.double()).square()
    for rows, block in Cloud(ours).squared(ours):
        np.testing.assert_allclose(block, wanted[rows], atol=1e-4)


def test_equal_points_are_at_distance_zero() -> None:
    ours = points(0, 40) + 1e3
    assert not nearest(ours, ours.clone())[0].any()


def test_a_gpu_is_used_from_where_the_copy_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, kinds in ((False, ["cpu", "cpu"]), (True, ["cpu", "cuda"])):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        many = geometry._WORTH_A_GPU
        assert [geometry.device(numbers).type for numbers in (many - 1, many)] == kinds


def test_samples_that_lie_nowhere_are_named() -> None:
    ids = ["a", "b", "c", "d", "e", "f"]
    rows = np.ones((6, 2, 2), np.float32)
    geometry.check_finite(ids, rows)
    rows[[1, 2, 4, 5], 0, 1] = [np.nan, np.inf, -np.inf, np.nan]
    with pytest.raises(StrategyError, match=r"4 samples lie nowhere.*\(b, c, e\): check"):
        geometry.check_finite(ids, rows)
    huge = np.full((6, 2), np.finfo(np.float64).max)  # whose sum is infinite
    geometry.check_finite(ids, huge)


def test_turns_count_within_groups() -> None:
    assert turns(np.array([2, 0, 2, 2, 1, 0])).tolist() == [0, 0, 1, 2, 0, 1]
