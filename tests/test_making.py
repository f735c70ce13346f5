"""What a campaign measures on is there, whatever has vanished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from al.catalog import make_task
from al.errors import DataError
from al.pipeline.making import freeze
from tests.own_data import coloured_folder, fruit_table, sentences


def table(folder: Path) -> tuple[dict[str, Any], Path]:
    path = fruit_table(folder / "rows.csv")
    return {"data": str(path), "target": "kind"}, path


def text(folder: Path) -> tuple[dict[str, Any], Path]:
    path = sentences(folder / "rows.csv")
    return {"data": str(path), "text": "sentence", "target": "about", "encoder": "none"}, path


def vanish(data: Any, ids: tuple[str, ...], path: Path) -> None:
    """Take samples out of the data, wherever they lie."""
    if path.is_dir():
        for id in ids:
            (path / id).unlink()
    else:
        lines = path.read_text().splitlines(keepends=True)
        places = dict(zip(data.samples.ids, data.samples.places, strict=True))
        gone = {int(places[id].rpartition(" ")[2]) for id in ids}
        path.write_text("".join(line for row, line in enumerate(lines) if row not in gone))
    data.refresh()


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("kind", ["table", "text", "image-folder"])
def test_a_split_that_has_vanished_whole_is_one_line_and_a_part_of_it_may_be_dropped(
    kind: str, split: Any, tmp_path: Path
) -> None:
    if kind == "image-folder":
        path = coloured_folder(tmp_path / "images")
        given: dict[str, Any] = {"data": str(path), "encoder": "none", "image_size": 12}
    else:
        given, path = (table if kind == "table" else text)(tmp_path)
        head, *rows = path.read_text().splitlines()
        named = [f"r{number:03d},{row}" for number, row in enumerate(rows)]  # copies apart
        path.write_text("\n".join([f"id,{head}", *named]) + "\n")
    data = make_task(kind, given).data()
    splits = data.propose_splits(8, 0)
    freeze(data, splits, "stop")
    ids = data.ids(split)
    vanish(data, ids[2:], path)
    freeze(data, splits, "drop")
    assert len(data.ids(split)) == 2
    vanish(data, data.ids(split), path)
    name = {"val": "validation", "test": "test"}[split]
    message = f"^no {name} sample is there, so that nothing can be measured: restore some$"
    with pytest.raises(DataError, match=message):
        freeze(data, splits, "drop")
