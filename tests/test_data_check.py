"""What is said of data before a label is paid for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.commands import command
from al.errors import AlError, DataError
from al.pipeline.data_check import data_lines
from tests.own_data import coloured_folder, fruit_table, sentences
from tests.stores import runs

Make = Callable[..., Any]
#: The default sizes, which small campaigns of tests have otherwise.
SIZES = {"initial_size": 20, "query_size": 20}


def test_a_table_is_reported_with_its_splits_classes_columns_and_oddities(tmp_path: Path) -> None:
    path = fruit_table(tmp_path / "fruit.csv")
    path.write_text(path.read_text() + "heavy,red,shop 1,Apple\n80,red,shop 2,plum\n" * 2)
    lines = list(data_lines({"task": "table", "data": str(path), "target": "kind"}))
    assert lines[0] == "task table: labels are one class each"
    assert lines[1].startswith("target 'kind' is 4 classes ('Apple', 'apple', 'lemon', …); 304 of")
    assert any(line.startswith("! column 'weight': 2 of ") for line in lines)
    (gaps,) = (line for line in lines if line.startswith("missing cells of 334 rows: "))
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [f"{name} {table[name].isin(['', '?']).sum()}" for name in ("weight", "colour")]
    assert sorted(gaps.partition(": ")[2].split(", ")) == sorted(missing)
    message = (
        "! classes 'apple' (100) and 'Apple' (2) count as different: write them alike if they are "
    )
    assert f"{message}one" in lines
    train, val, test = (next(s for s in lines if s.startswith(f"{split}: ")) for split in
                        ("train", "val", "test"))  # fmt: skip
    assert train.startswith("train: ")
    assert " of them labelled; '" in train
    assert val.startswith("val: 100 samples; '")
    assert test.startswith("test: 6")
    assert lines[-1].endswith("samples are exact copies of others")


def test_what_would_stop_a_campaign_comes_after_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sentences(tmp_path / "s.csv", rows=50)
    given = {"task": "text", "data": str(path), "text": "sentence", "target": "about"}
    with pytest.raises(SystemExit) as end:
        command("check-data").main([f"--{name}={value}" for name, value in given.items()])
    assert end.value.code == 1
    out, err = capsys.readouterr()
    assert out == "task text: labels are one class each\n"
    assert "error: validation_size=100 is more than the " in err
    lines = list(data_lines({**given, "validation_size": 9}))
    assert "val: 9 samples; 'food' 3, 'trains' 3, 'weather' 3" in lines
    with pytest.raises(DataError, match="has no column 'abut'"):
        list(data_lines({**given, "target": "abut"}))


def rows_of(path: Path, labels: Sequence[str], splits: Sequence[str] = ()) -> Path:
    """A table of random numbers with these labels."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"weight": rng.normal(size=len(labels)), "kind": labels})
    if splits:
        frame["split"] = splits
    frame.to_csv(path, index=False)
    return path


HALVES, UNLABELLED = ["apple", "plum"] * 40, [""] * 80
SORTED, NUMBERS = ["apple"] * 20 + HALVES[:60], [str(row / 7) for row in range(80)]
PARTED = ["val"] * 20 + ["test"] * 20 + ["train"] * 40
#: Why no campaign can begin, with rows (labels and splits) and parameters for which that is so.
REFUSED: dict[str, tuple[Sequence[str], Sequence[str], dict[str, Any]]] = {
    "validation_size=90 is more than the": (HALVES, (), {"validation_size": 90}),
    "has one class": (["apple"] * 60, (), {}),
    "holds no label": (UNLABELLED, (), {"annotator": "page"}),
    "initial_size=20 is more than the pool of": (HALVES[:30], (), {}),
    "and no training sample has one": (HALVES[:40] + UNLABELLED[:40], PARTED, {}),
    "training samples have one: add others": (HALVES, (), {"annotator": "files"}),
    "validation holds class 'apple' alone": (SORTED, PARTED, {"metric": "auroc"}),
    "goes from 0 to 1: give": (HALVES, (), {"kpi": "7"}),
    "has no option 'colour'": (HALVES, (), {"annotator_options": "colour=red"}),
    "give a number of hours above 0": (HALVES, (), {"stop": "annotation_hours(0)"}),
    "notify is not env:NAME": (HALVES, (), {"notify": "https://example.org"}),
    "margin": (NUMBERS, (), {"strategy": "margin"}),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_campaign_that_cannot_begin_and_the_look_at_its_data_stop_with_the_same_words(
    campaign: Make, client: Any, tmp_path: Path, reason: str
) -> None:
    labels, splits, more = REFUSED[reason]
    path = rows_of(tmp_path / "rows.csv", labels, splits)
    size = 20 if splits else 10
    given = {"task": "table", "data": str(path), "target": "kind", "validation_size": size, **more}
    with pytest.raises(AlError, match=reason) as looked:
        list(data_lines(given))
    with pytest.raises(AlError) as begun:
        campaign(**{**SIZES, **given}, campaign="c").run()
    assert str(looked.value) == str(begun.value)
    assert runs(client, role="campaign") == []


def test_images_and_built_in_tasks_are_reported_too(tmp_path: Path) -> None:
    folder = coloured_folder(tmp_path, labelled=60, unlabelled=20)
    given = {"task": "image-folder", "data": str(folder), "validation_size": 12}
    lines = list(data_lines(given))
    assert "train: 56 samples, 36 of them labelled; 'blue' 12, 'green' 12, 'red' 12" in lines
    lines = list(data_lines({"task": "digits", "validation_size": 50}))
    assert "val: 50 samples; " in "\n".join(lines)


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = fruit_table(tmp_path / "fruit.csv")
    with pytest.raises(SystemExit) as end:
        command("check-data").main(
            ["--task=table", f"--data={path}", "--target=weight", "--copies=keep"]
        )
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "target 'weight' is a number" in out
    assert ", half below 1" in out
