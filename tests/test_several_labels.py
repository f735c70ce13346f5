"""Several labels in a cell, and numbers of images, in data of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from al.catalog import make_task
from al.contracts import DataLoader
from al.data.row_marks import several
from al.errors import ConfigError, DataError
from al.kinds import kind_of
from al.pipeline.data_check import data_lines

Make = Callable[..., Any]


def listed(folder: Path, target: Callable[[int, list[bool]], str], count: int = 60) -> Path:
    """Images whose red and green are bright or not, and a list of them with a target."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    lines = ["path;label"]
    for row in range(count):
        pixels = rng.integers(0, 60, (8, 8, 3), dtype=np.uint8)
        bright = (rng.random(2) < 0.5).tolist()
        pixels[..., :2] += np.array([150 * on for on in bright], np.uint8)
        Image.fromarray(pixels).save(folder / f"{row:02d}.png")
        lines.append(f"{row:02d}.png;{target(row, bright)}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


def colours(row: int, bright: list[bool]) -> str:
    """What is bright; nothing is said of every sixth image."""
    names = [name for name, on in zip(("red", "green"), bright, strict=True) if on]
    return "" if row % 6 == 5 else "|".join(names) or "|"


def table(path: Path, rows: int = 150) -> Path:
    """Rows of two numbers, with which of them are above zero; one label in ten is missing."""
    rng = np.random.default_rng(0)
    lines = ["a;b;what"]
    for row in range(rows):
        a, b = rng.normal(size=2).tolist()
        message = ", ".join(["a"] * (a > 0) + ["b"] * (b > 0)) or ","
        lines.append(f"{a:.3f};{b:.3f};{'' if row % 10 == 9 else message}")
    path.write_text("\n".join(lines) + "\n")
    return path


def loaded(task: str, **parameters: Any) -> DataLoader:
    data: DataLoader = make_task(task, {"encoder": "none", **parameters}).data()
    return data


def test_a_sign_parts_labels_and_alone_says_that_there_is_none() -> None:
    assert several(["b| a", "a", "|", " | ", None, "a|a||b"], "|") == [
        ["a", "b"], ["a"], [], [], None, ["a", "b"]
    ]  # fmt: skip
    assert several(["red brick"], " ") == [["brick", "red"]]


def test_images_have_several_labels_where_a_sign_parts_them(tmp_path: Path) -> None:
    path = listed(tmp_path / "photos", colours)
    data = loaded("image-manifest", data=str(path), label_separator="pipe", image_size=8)
    assert data.spec.classes == ("green", "red")
    given = data.given() or {}
    assert len(given) == 50
    assert sorted({tuple(label) for label in given.values()}) == [
        (), ("green",), ("green", "red"), ("red",)
    ]  # fmt: skip
    (batch,) = data.batches(list(given)[:3], list(given.values())[:3], batch_size=3)
    assert batch.targets.tolist() == [
        [int(name in label) for name in data.spec.classes] for label in list(given.values())[:3]
    ]
    # Without the sign each cell is a class.
    assert loaded("image-manifest", data=str(path), image_size=8).spec.classes == (
        "green", "red", "red|green", "|"
    )  # fmt: skip


def test_what_a_cell_holds_is_reported(tmp_path: Path) -> None:
    path = listed(tmp_path / "photos", colours)
    given = {"task": "image-manifest", "data": str(path), "validation_size": 9, "encoder": "none"}
    lines = list(data_lines({**given, "label_separator": "pipe"}))
    assert lines[0] == "task image-manifest: labels are several classes each"
    line = "target 'label' is 2 classes, several a row, separated by '|'; 50 of 60 rows have it"
    assert line in lines
    path = listed(tmp_path / "numbers", lambda row, bright: f"{row + 0.5:.1f}")
    lines = list(data_lines({**given, "data": str(path)}))
    assert lines[0] == "task image-manifest: labels are numbers"
    line = "target 'label' is a number, 0.5 to 59.5; 60 of 60 rows have it; kind=class learns it as"
    assert any(line.startswith(line) for line in lines)


def test_images_have_numbers_where_the_target_does_or_as_kind_says(tmp_path: Path) -> None:
    path = listed(tmp_path / "photos", lambda row, bright: "" if row < 3 else f"{row * 1.5:.1f}")
    data = loaded("image-manifest", data=str(path), image_size=8)
    assert (data.spec.classes, kind_of(data.spec).form) == ((), "value")
    known = np.arange(3, 60) * 1.5
    assert data.spec.details["middle"] == pytest.approx(known.mean())
    assert data.spec.details["unit"] == pytest.approx(known.std())
    assert (data.given() or {})["10.png"] == 15.0
    few = listed(tmp_path / "few", lambda row, bright: str(1 + row % 5))
    assert len(loaded("image-manifest", data=str(few), image_size=8).spec.classes) == 5
    data = loaded("image-manifest", data=str(few), image_size=8, kind="number")
    assert (data.given() or {})["01.png"] == 2.0
    path = listed(tmp_path / "codes", lambda row, bright: str(100 + row % 25))
    data = loaded("image-manifest", data=str(path), image_size=8, kind="class")
    assert data.spec.classes[:2] == ("100", "101")
    (path.parent / "list.csv").write_text("path,label\n00.png,3\n01.png,x\n")
    with pytest.raises(DataError, match="holds 'x' where other rows hold numbers"):
        loaded("image-manifest", data=str(path), image_size=8, kind="number")


def test_a_campaign_that_took_numbers_for_classes_goes_on_so(tmp_path: Path) -> None:
    path = listed(tmp_path / "codes", lambda row, bright: str(100 + row % 25))
    spec = loaded("image-manifest", data=str(path), image_size=8, kind="class").spec
    data = loaded("image-manifest", data=str(path), image_size=8)
    assert data.spec.classes == ()
    data.adopt(spec)
    assert (data.given() or {})["01.png"] == "101"
    data.refresh()
    assert (data.given() or {})["02.png"] == "102"


def test_texts_have_several_labels_too(tmp_path: Path) -> None:
    words = ("sun", "rain")
    rows = [" and ".join(w for n, w in enumerate(words) if row >> n & 1) or "calm" for row in
            range(40)]  # fmt: skip
    labels = [" ".join(w for w in words if w in text) or " " for text in rows]
    pairs = zip(rows, labels, strict=True)
    cells = (f'{text} {row};"{label}"' for row, (text, label) in enumerate(pairs))
    lines = ["text;about", *cells]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    given = {"data": str(tmp_path / "t.csv"), "text": "text", "target": "about"}
    task = make_task("text", {**given, "label_separator": "space", "encoder": "none"})
    data = task.data()
    assert data.spec.classes == ("rain", "sun")
    assert data.truth([data.ids("train")[0]])[0] in ([], ["rain"], ["sun"], ["rain", "sun"])
    assert "macro_f1" in task.graph(data.spec).metrics


def test_rows_with_several_labels_are_learned_by_a_small_network_and_no_estimator(
    campaign: Make, tmp_path: Path
) -> None:
    import mlflow
    import pandas as pd

    path = table(tmp_path / "rows.csv")
    given = {"task": "table", "data": str(path), "target": "what", "label_separator": "comma"}
    with pytest.raises(ConfigError, match="estimator=sklearn learns one class or a number, not"):
        campaign(**given, estimator="sklearn").run()
    result = campaign(**given, validation_size=20, initial_size=30, epochs=20).run()
    assert result.curve.columns[1] == "macro_f1"
    served = mlflow.pyfunc.load_model(f"models:/{result.model}/Production")
    rows = pd.DataFrame({"a": [2.0, -2.0], "b": [2.0, -2.0]}, index=[4, 9])
    answer = served.predict(rows)
    assert answer.index.tolist() == [4, 9]
    assert answer["labels"].tolist() == ["a, b", ""]


def test_numbers_of_images_are_learned_and_served(campaign: Make, tmp_path: Path) -> None:
    import mlflow
    import pandas as pd

    path = listed(tmp_path / "photos", lambda row, bright: f"{10 * bright[0] + row / 100:.2f}")
    result = campaign(
        task="image-manifest", data=str(path), image_size=8, encoder="none", validation_size=9,
        initial_size=20, query_size=5, epochs=20,
    ).run()  # fmt: skip
    assert result.curve.columns[1] == "rmse"
    served = mlflow.pyfunc.load_model(f"models:/{result.model}/Production")
    answer = served.predict(pd.DataFrame({"image": [str(path.parent / "00.png")]}, index=[3]))
    assert answer.index.tolist() == [3]
    assert list(answer.columns) == ["value", "std"]
