"""What is said of data before a label is paid for."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from al.commands import command
from al.errors import DataError
from al.pipeline.data_check import data_lines
from tests.own_data import coloured_folder, fruit_table, sentences


def test_a_table_is_told_with_its_splits_classes_columns_and_oddities(tmp_path: Path) -> None:
    path = fruit_table(tmp_path / "fruit.csv")
    path.write_text(path.read_text() + "heavy,red,shop 1,Apple\n80,red,shop 2,plum\n" * 2)
    lines = data_lines({"task": "table", "data": str(path), "target": "kind"})
    assert lines[0] == "task table: labels are one class each"
    assert lines[1].startswith("target 'kind' is 4 classes ('Apple', 'apple', 'lemon', …); 304 of")
    assert any(line.startswith("! column 'weight': 2 of ") for line in lines)
    (gaps,) = (line for line in lines if line.startswith("missing cells of 334 rows: "))
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [f"{name} {table[name].isin(['', '?']).sum()}" for name in ("weight", "colour")]
    assert sorted(gaps.partition(": ")[2].split(", ")) == sorted(missing)
    said = (
        "! classes 'apple' (100) and 'Apple' (2) count as different: write them alike if they are "
    )
    assert f"{said}one" in lines
    train, val, test = (next(s for s in lines if s.startswith(f"{split}: ")) for split in
                        ("train", "val", "test"))  # fmt: skip
    assert train.startswith("train: ")
    assert " of them labelled; '" in train
    assert val.startswith("val: 100 samples; '")
    assert test.startswith("test: 6")
    assert lines[-1].endswith("samples are exact copies of others")


def test_what_would_stop_a_campaign_is_told_after_what_was_found(tmp_path: Path) -> None:
    path = sentences(tmp_path / "s.csv", rows=50)
    given = {"task": "text", "data": str(path), "text": "sentence", "target": "about"}
    lines = data_lines(given)
    assert lines[-1].startswith("! no campaign can begin: validation_size=100 is more than the ")
    assert not any(line.startswith("missing cells") for line in lines)
    lines = data_lines({**given, "validation_size": 9})
    assert "val: 9 samples; 'food' 3, 'trains' 3, 'weather' 3" in lines
    with pytest.raises(DataError, match="has no column 'abut'"):
        data_lines({**given, "target": "abut"})


def test_images_and_built_in_tasks_are_told_too(tmp_path: Path) -> None:
    folder = coloured_folder(tmp_path, labelled=60, unlabelled=20)
    given = {"task": "image-folder", "data": str(folder), "validation_size": 12}
    lines = data_lines(given)
    assert "train: 56 samples, 36 of them labelled; 'blue' 12, 'green' 12, 'red' 12" in lines
    lines = data_lines({"task": "digits", "validation_size": 50})
    assert "val: 50 samples; " in "\n".join(lines)


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = fruit_table(tmp_path / "fruit.csv")
    with pytest.raises(SystemExit) as end:
        command("check-data").main(["--task", "table", "--data", str(path), "--target", "weight"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "target 'weight' is a number" in out
    assert ", half below 1" in out
