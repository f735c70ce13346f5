"""What is kept for later stays within its bounds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.kept import trim


def folder_of(path: Path, size: int, used: int) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_bytes(bytes(size))
    os.utime(path, (used, used))
    return path


def delete(path: Path) -> bool:
    shutil.rmtree(path)
    return True


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 200), st.data())
def test_what_was_used_last_stays_as_far_as_it_fits(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("kept")
    order = data.draw(st.permutations(range(len(sizes))))
    kept = [folder_of(root / f"{n}", size, order[n]) for n, size in enumerate(sizes)]
    left = trim(kept, limit, delete)
    stay = [n for n in range(len(sizes)) if kept[n].exists()]
    assert left == sum(sizes[n] for n in stay) <= limit
    gone = [order[n] for n in range(len(sizes)) if n not in stay]
    assert all(order[n] > max(gone, default=-1) for n in stay)
    if gone:
        last = order.index(max(gone))
        assert left + sizes[last] > limit


def test_what_cannot_be_deleted_stays_and_counts(tmp_path: Path) -> None:
    kept = [folder_of(tmp_path / "a", 10, 1), folder_of(tmp_path / "b", 20, 2)]
    assert trim(kept, 10, lambda path: path.name == "b") == 10
    assert trim(kept, 0, lambda path: False) == 30


def test_what_was_used_since_is_measured_again(tmp_path: Path) -> None:
    kept = [folder_of(tmp_path / "a", 10, 1)]
    assert trim(kept, 100, delete) == 10
    (kept[0] / "file").write_bytes(bytes(30))
    os.utime(kept[0], (2, 2))
    assert trim(kept, 100, delete) == 30


def test_thousands_that_nobody_used_since_are_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [folder_of(tmp_path / f"{n}", n, n) for n in range(20)]
    before = trim(kept, 1000, delete)
    monkeypatch.setattr(os, "walk", None)
    assert trim(kept, 1000, delete) == before
