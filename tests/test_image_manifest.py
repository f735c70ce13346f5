"""Images that a table lists: paths stay below it, metadata can be asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.data import ImageManifestLoader
from al.data.image_manifest import below
from al.errors import AlError, DataError
from tests.own_data import coloured_folder, manifest
from tests.stores import runs, table


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))
    return manifest(coloured_folder(tmp_path / "photos"))


def test_rows_are_samples_with_metadata(listed: Path) -> None:
    data = ImageManifestLoader(str(listed), size=12)
    assert len(data.ids("train")) == 80
    assert data.spec.classes == ("blue", "green", "red")
    assert len(data.given() or {}) == 60
    id = data.ids("train")[0]
    assert id.startswith("img-")
    seen = data.metadata([id]).iloc[0]
    assert seen["camera"] == "A"
    assert seen["taken"] == 1990
    assert data.source(id) == str(listed.parent / seen["path"])


def test_a_manifest_in_parquet_without_ids_calls_images_by_their_path(listed: Path) -> None:
    import pandas as pd

    frame = pd.read_csv(listed).drop(columns="id")
    frame.to_parquet(listed.with_suffix(".parquet"))
    data = ImageManifestLoader(str(listed.with_suffix(".parquet")), size=12)
    assert "train/red/000.png" in data.ids("train")


def test_splits_that_a_manifest_says_are_kept_and_missing_files_are_counted(
    listed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = listed.read_text().splitlines()
    split = [",split", *(["," + ("test" if n % 5 == 0 else "train") for n in range(80)])]
    rows = [line + more for line, more in zip(lines, split, strict=True)]
    rows = [rows[0], *(row for row in rows[1:] if row.split(",")[2])]  # labelled ones
    listed.write_text("\n".join([*rows, "gone,nowhere.png,red,A,1999,train"]))
    data = ImageManifestLoader(str(listed), size=12)
    assert data.ids("test") == data.propose_splits(5, 0).test
    assert len(data.ids("test")) == sum(row.endswith("test") for row in rows)
    assert "1 of 61 images cannot be read and are left out: nowhere.png (no such file)" in (
        caplog.text
    )


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("x,../outside.png,red,A,1", r"list\.csv row 81: '\.\./outside\.png' leads out of"),
        ("x,/etc/passwd,red,A,1", "row 81: '/etc/passwd' leads out of"),
        ("x,link/passwd,red,A,1", "row 81: 'link/passwd' leads out of"),
        ("x,file:///etc/passwd,red,A,1", "row 81: 'file:///etc/passwd' leads out of"),
        ("x,https://example.org/a.png,red,A,1", "is not on this disk, and nothing is fetched"),
        ("x,.,red,A,1", "row 81: '.' is not a file"),
        ("x,,red,A,1", "row 81 has no path"),
        (",train/red/000.png,red,A,1", "row 81 has no id"),
        ("img-0003,train/red/000.png,red,A,1", "row 4 and list.csv row 81 have one id"),
    ],
)
def test_a_row_that_cannot_be_used_is_one_line_with_its_number(
    listed: Path, row: str, says: str
) -> None:
    (listed.parent / "link").symlink_to("/etc")
    with listed.open("a") as file:
        file.write(row + "\n")
    with pytest.raises(DataError, match=says) as caught:
        ImageManifestLoader(str(listed), size=12)
    assert "\n" not in str(caught.value)


def test_columns_that_are_missing_are_reported(listed: Path) -> None:
    with pytest.raises(DataError, match="has no column 'labl': did you mean 'label'"):
        ImageManifestLoader(str(listed), "labl", 12)
    listed.write_text("image,label\na.png,red\n")
    with pytest.raises(DataError, match="has no column 'path'"):
        ImageManifestLoader(str(listed), size=12)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab./\\%2eE~:f?#\x00 ", max_size=24) | st.text(max_size=12))
def test_no_path_leads_out_however_it_is_written(text: str) -> None:
    root = Path("/srv/photos")
    with suppress(AlError):
        inside = (root / below(root, text, "row 1")).resolve()
        assert root in inside.parents


def test_a_file_url_below_the_folder_is_a_path(tmp_path: Path) -> None:
    assert below(tmp_path, f"file://{tmp_path}/a%20b.png", "") == "a b.png"
    assert below(tmp_path, f"{tmp_path}/x/../y.png", "") == "y.png"
    assert below(tmp_path, "x\\y.png", "") == "x/y.png"


def test_a_query_can_ask_for_what_a_manifest_knows(
    campaign: Callable[..., Any], client: Any, folder: Path
) -> None:
    path = manifest(coloured_folder(folder / "photos"))
    campaign(
        task="image-manifest", data=str(path), encoder="none", image_size=12,
        validation_size=9, initial_size=6, query_size=6, cycles=1, campaign="c",
        cold_start="""sql("SELECT id FROM pool WHERE camera = 'B' AND taken > 2000")""",
    ).run()  # fmt: skip
    (step,) = runs(client, step="select-data")
    asked = table(client, step, "query.parquet")["id"]
    numbers = asked.str[-4:].astype(int)
    assert (numbers % 2 == 1).all()
    assert ((1990 + numbers % 30) > 2000).all()
