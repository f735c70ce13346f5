"""Files that change, also where neither size nor time tell it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from al.catalog import make_task
from al.data import TableFileLoader
from al.data.derived import ROWS, Derived
from al.data.watched import WHOLE, Watched
from al.errors import DataError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tables"


def rewritten(file: Path, old: str, new: str) -> None:
    """Edit a file so that size and time stay."""
    assert len(old) == len(new)
    stat, text = file.stat(), file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def rows(file: Path, count: int = ROWS) -> Path:
    values = np.random.default_rng(0).integers(0, 10_000, size=(count, 2))
    frame = pd.DataFrame(values, columns=["a", "b"])
    frame["kind"] = np.where(values[:, 0] > 5000, "high", "low")
    frame.loc[0, "a"] = 4321
    frame.to_csv(file, index=False)
    return file


def test_a_file_has_changed_where_size_or_time_are_others(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("one")
    watched = Watched(file)
    assert not watched.changed()
    file.write_text("three")
    assert watched.changed()


def test_an_edit_that_keeps_size_and_time_is_found_by_a_look_at_the_whole_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("one")
    watched = Watched(file)
    assert not watched.changed()
    rewritten(file, "one", "two")
    found = [watched.changed() for _ in range(WHOLE - 1)]
    assert found == [False] * (WHOLE - 2) + [True]


@pytest.mark.parametrize("spoilt", [{"split": "tset"}, {"kind": "new"}, {"id": "r7"}])
@pytest.mark.parametrize("task", ["table", "text"])
def test_after_a_look_that_is_refused_each_sample_is_still_what_it_was(
    task: str, spoilt: dict[str, str], tmp_path: Path
) -> None:
    """Else people on the page would label one row under the id of another."""
    given = {"data": str(tmp_path / "rows.csv"), "target": "kind"}
    given |= {} if task == "table" else {"text": "words", "encoder": "none"}
    frame = pd.DataFrame({"id": [f"r{n}" for n in range(60)], "split": ""})
    frame["size"] = [n % 7 / 4 for n in range(60)]
    frame["words"] = [f"text number {n}" for n in range(60)]
    frame["kind"] = ["yx"[n % 2] for n in range(60)]
    frame.to_csv(given["data"], index=False)
    data = make_task(task, given).data()

    def seen() -> list[object]:
        (batch,) = data.batches(["r5"], None, batch_size=1)
        inputs = np.asarray(batch.inputs).tolist()
        return [data.preview("r5"), data.source("r5"), inputs, data.metadata(["r5"]).to_dict()]

    before = seen()
    first = frame.iloc[[3]].assign(**{"id": "r60", **spoilt})
    pd.concat([first, frame]).to_csv(given["data"], index=False)
    for _ in range(2):  # and it is reported again
        with pytest.raises(DataError):
            data.refresh()
        assert seen() == before
    frame.iloc[::-1].to_csv(given["data"], index=False)
    data.refresh()
    assert seen()[0] == before[0]
    assert seen()[1] != before[1]


def test_what_rows_come_to_is_found_again_and_an_edit_of_the_same_size_and_time_is_seen(
    tmp_path: Path, cache: Path
) -> None:
    file = rows(tmp_path / "rows.csv")
    first = TableFileLoader(str(file), "kind")
    (folder,) = cache.iterdir()
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = TableFileLoader(str(file), "kind")
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == kept
    assert again.samples.ids == first.samples.ids
    assert again.samples.contents == first.samples.contents
    assert again.spec == first.spec
    every = np.arange(ROWS)
    assert again.inputs(every).equal(first.inputs(every))

    rewritten(file, "4321,", "4329,")
    other = TableFileLoader(str(file), "kind")
    assert len(list(cache.iterdir())) == 2
    assert [*map(str.__eq__, other.samples.contents, first.samples.contents)].count(False) == 1
    assert not other.inputs(every[:1]).equal(first.inputs(every[:1]))


def test_what_is_kept_is_what_is_made_where_nothing_is_kept(tmp_path: Path, cache: Path) -> None:
    file = rows(tmp_path / "rows.csv")
    TableFileLoader(str(file), "kind")
    kept = TableFileLoader(str(file), "kind")
    few = file.with_name("few.csv")
    few.write_text("".join(file.read_text().splitlines(keepends=True)[:500]))
    made = TableFileLoader(str(few), "kind")
    assert len(list(cache.iterdir())) == 1  # a small file is read as soon as what was kept
    assert list(kept.samples.contents)[:499] == list(made.samples.contents)


def test_what_is_kept_and_damaged_is_made_again(cache: Path) -> None:
    def make() -> np.ndarray:
        return np.arange(5)

    assert Derived(["x"]).array("a", 1, make).tolist() == [0, 1, 2, 3, 4]
    (file,) = (path for path in cache.rglob("*") if path.is_file())
    for damage in (b"", b"nothing of the kind", file.read_bytes()[:-9]):
        file.write_bytes(damage)
        assert Derived(["x"]).array("a", 1, make).tolist() == [0, 1, 2, 3, 4]
    assert Derived(["x"]).array("a", 2, lambda: np.ones(1)).tolist() == [1.0]
    assert Derived(["y"]).array("a", 1, lambda: np.ones(1)).tolist() == [1.0]


def test_where_nothing_can_be_kept_rows_are_worked_out_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "file"))
    assert Derived(["x"]).texts("t", None, lambda: ["a", "bc"]) == ["a", "bc"]
    assert Derived(["x"]).value("v", None, lambda: {"a": 1}) == {"a": 1}
