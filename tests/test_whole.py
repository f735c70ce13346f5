"""Files that are whole or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import quote

import pytest

from al.whole import on_disk, whole_file


def test_what_is_written_is_there_at_once_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_failed_on_the_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.writelines([b"half", None])  # type: ignore[list-item]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_nobody_elses_while_it_is_written_and_after(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole_file(path, 0o600) as file:
        file.write(b"token")
        (aside,) = tmp_path.iterdir()
        assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_of_two_who_write_a_file_at_once_each_writes_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole_file(path) as one, whole_file(path) as other:
        one.write(b"one" * 5)
        other.write(b"other")
    assert path.read_bytes() == b"one" * 5  # which is renamed last
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_folder_is_on_the_disk_with_all_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    folder = tmp_path / "run #1" / "artifacts"
    (folder / "state").mkdir(parents=True)
    (folder / "state" / "a.json").write_text("{}")
    synced: set[str] = set()
    monkeypatch.setattr(
        os, "fsync", lambda number: synced.add(os.readlink(f"/proc/self/fd/{number}"))
    )
    uri = form.format(str(folder) if form == "{}" else quote(str(folder)))
    on_disk(uri)
    inside = {folder, folder / "state", folder / "state" / "a.json"}
    assert {str(path) for path in (*inside, folder.parent, tmp_path)} <= synced


@pytest.mark.parametrize("uri", ["s3://bucket/x", "mlflow-artifacts:/0/x", "/no/such/folder"])
def test_what_is_kept_elsewhere_is_left_to_its_keeper(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda number: pytest.fail("synced"))
    on_disk(uri)
