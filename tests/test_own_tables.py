"""Tables of strangers: nothing is dropped, merged, renamed or guessed without a line."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.data import Asked, TableFileLoader
from al.data.columns import encoded
from al.errors import ConfigError, DataError


def loader(
    folder: Path, content: str | pd.DataFrame, target: str = "y", name: str = "t.csv", **asked: str
) -> TableFileLoader:
    path = folder / name
    if isinstance(content, pd.DataFrame):
        content.to_parquet(path)
    else:
        path.write_text(content)
    return TableFileLoader(str(path), target, Asked(**asked))


def csv(rows: int = 40, separator: str = ",", **cells: Any) -> str:
    """A table whose columns are functions of the row."""
    lines = [separator.join(cells)]
    lines += [separator.join(str(cell(n)) for cell in cells.values()) for n in range(rows)]
    return "\n".join(lines) + "\n"


def lines_about(data: TableFileLoader) -> str:
    return "\n".join([*data.summary(), *data.oddities()])


def made(data: TableFileLoader) -> dict[str, Any]:
    return {column["name"]: column for column in data.spec.details["columns"]}


def plain(n: int) -> str:
    """A feature that says something."""
    return str(n % 7)


# -- labels ------------------------------------------------------------------------------


def test_class_codes_beside_gaps_are_exact(tmp_path: Path) -> None:
    codes = [1234561, 1234562, 1234563, 1234569, None] * 8
    data = loader(tmp_path, pd.DataFrame({"n": np.arange(40) % 7, "y": codes}), name="t.parquet")
    assert data.spec.classes == ("1234561", "1234562", "1234563", "1234569")
    large = pd.array([2**60 + n % 3 if n % 5 else None for n in range(40)], dtype="Int64")
    data = loader(tmp_path, pd.DataFrame({"n": np.arange(40) % 7, "y": large}), name="t.parquet")
    assert data.spec.classes == tuple(str(2**60 + n) for n in range(3))


@pytest.mark.parametrize("name", ["none", "NA", "null", "nan", "n/a", "?"])
def test_a_class_may_be_called_nothing_and_is_reported(tmp_path: Path, name: str) -> None:
    content = csv(n=plain, y=lambda n: ["cat", "dog", name, ""][n % 4])
    data = loader(tmp_path, content)
    assert data.spec.classes == tuple(sorted(["cat", "dog", name]))
    assert data.samples.labels.count(None) == 10
    assert f"class {name!r} (10 samples) is a class like the others" in lines_about(data)
    data = loader(tmp_path, content, missing_labels=f"{name}, other")
    assert data.spec.classes == ("cat", "dog")
    assert data.samples.labels.count(None) == 20
    assert "like the others" not in lines_about(data)


def test_a_campaign_that_began_before_goes_on_with_its_labels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = csv(n=plain, y=lambda n: ["cat", "dog", "none"][n % 3], no=lambda n: n)
    new = loader(tmp_path, content)
    columns = [*new.spec.details["columns"]]
    columns.append({"name": "no", "gaps": False, "kind": "number", "mean": 0.0, "std": 1.0})
    details = {"columns": columns, "optional": [], "target": "y"}
    old = replace(new.spec, classes=("cat", "dog"), details=details)
    new.adopt(old)
    assert new.samples.labels.count(None) == 13
    assert "'no' is used as number, as this campaign began" in caplog.text
    assert len(set(new.samples.contents)) == 40  # row numbers counted as contents then


def test_classes_that_differ_little_are_reported(tmp_path: Path) -> None:
    data = loader(tmp_path, csv(n=plain, y=lambda n: ["glass", "Glass", "tin"][n % 3]))
    assert "classes 'glass' (14) and 'Glass' (13) count as different" in lines_about(data)


def test_what_the_target_is_can_be_said(tmp_path: Path) -> None:
    stars = csv(n=plain, y=lambda n: 1 + n % 5)
    data = loader(tmp_path, stars)
    assert data.spec.kind == "class"
    assert "kind=number learns it as a quantity" in lines_about(data)
    assert loader(tmp_path, stars, kind="number").spec.kind == "number"
    codes = csv(99, n=plain, y=lambda n: n % 33)
    data = loader(tmp_path, codes)
    assert data.spec.kind == "number"
    assert "kind=class learns it as classes" in lines_about(data)
    assert len(loader(tmp_path, codes, kind="class").spec.classes) == 33


# -- how files are written ---------------------------------------------------------------


def comma(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def test_decimal_commas_give_what_points_give(tmp_path: Path) -> None:
    european = csv(200, ";", a=lambda n: comma(n * 1.37), b=lambda n: f"{n}.000,5" if n else "0,5",
                   y=lambda n: comma(n / 3))  # fmt: skip
    other = csv(200, ",", a=lambda n: f"{n * 1.37:.2f}", b=lambda n: f"{n}000.5" if n else "0.5",
                y=lambda n: f"{n / 3:.2f}")  # fmt: skip
    one, two = loader(tmp_path, european, name="e.csv"), loader(tmp_path, other)
    assert one.samples.labels == two.samples.labels
    assert np.array_equal(one.inputs(np.arange(200)), two.inputs(np.arange(200)))
    assert "column 'a' is read with a comma before decimals" in lines_about(one)
    assert "('1.000,5' is 1000.5)" in lines_about(one)
    assert "decimals" not in lines_about(two)


def test_thousands_in_a_file_of_commas_and_the_way_to_say_otherwise(tmp_path: Path) -> None:
    content = csv(50, a=lambda n: f'"{1 + n},234"', y=lambda n: "pq"[n % 2])
    data = loader(tmp_path, content)
    assert data.metadata(data.samples.ids)["a"].iloc[0] == 1234
    assert "and a comma between thousands ('1,234' is 1234)" in lines_about(data)
    data = loader(tmp_path, content, decimal="comma")
    assert data.metadata(data.samples.ids)["a"].iloc[0] == pytest.approx(1.234)


def test_percentages_are_numbers(tmp_path: Path) -> None:
    data = loader(tmp_path, csv(50, a=lambda n: f"{n} %", y=lambda n: "pq"[n % 2]))
    assert made(data)["a"]["kind"] == "number"
    assert data.metadata(data.samples.ids)["a"].tolist() == list(range(50))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_what_parts_the_cells_is_found_and_reported(
    tmp_path: Path, separator: str, caplog: pytest.LogCaptureFixture
) -> None:
    content = csv(30, separator, n=plain, t=lambda n: f'"a{separator}b, {n % 3}"',
                  y=lambda n: "pq"[n % 2])  # fmt: skip
    data = loader(tmp_path, content, name=f"{ord(separator)}.csv")
    assert list(made(data)) == ["n", "t"]
    assert ("cells are separated by" in caplog.text) == (separator != ",")


def test_one_cell_that_is_no_number_is_missing_and_reported(tmp_path: Path) -> None:
    content = csv(400, a=lambda n: "unknown" if n == 7 else n * 1.5, y=lambda n: "pq"[n % 2])
    data = loader(tmp_path, content)
    assert made(data)["a"]["kind"] == "number"
    assert made(data)["a"]["gaps"]
    assert ("column 'a': 1 of 400 cells are not numbers and count as missing, 'unknown' first "
            "(t.csv row 8)") in lines_about(data)  # fmt: skip


def test_a_few_numbers_beside_a_text_stay_categories(tmp_path: Path) -> None:
    data = loader(tmp_path, csv(40, a=lambda n: ["0", "1", "2", "3+"][n % 4], y=lambda n: n % 2))
    assert made(data)["a"] | {"values": 0} == {
        "name": "a",
        "gaps": False,
        "kind": "category",
        "values": 0,
    }


def test_values_beyond_those_that_are_told_apart_are_counted(tmp_path: Path) -> None:
    data = loader(tmp_path, csv(240, a=lambda n: f"v{n % 60:02d}", y=lambda n: "pq"[n % 2]))
    assert (
        "column 'a': 40 of 240 cells hold one of 10 values beside the 50 commonest, 'v50' first: "
        "these share 32 numbers by their hash"
    ) in lines_about(data)


def test_values_beyond_those_that_are_told_apart_share_numbers_by_their_hash(
    tmp_path: Path,
) -> None:
    content = csv(240, a=lambda n: f"v{n % 60:02d}", b=plain, y=lambda n: "pq"[n % 2])
    data = loader(tmp_path, content)
    columns = data.spec.details["columns"]
    assert data.spec.input_shape == (50 + 32 + 1,)
    one, again, other, new, gone = encoded(
        pd.DataFrame({"a": ["v50", "v50", "v53", "never seen", ""], "b": [1.0] * 5}), columns
    )
    assert np.array_equal(one, again)
    assert one[:50].sum() == other[:50].sum() == 0
    assert one[50:82].sum() == other[50:82].sum() == new[50:82].sum() == 1
    assert not np.array_equal(one, other)
    assert gone[:82].sum() == 0
    for one_column in columns:  # a campaign that began before goes on as it began
        one_column.pop("hashed", None)
    data.adopt(data.spec)
    assert encoded(pd.DataFrame({"a": ["v50"], "b": [1.0]}), columns).shape == (1, 51)
    assert "cells hold none of its 50 values that are kept apart" in lines_about(data)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv has 2 columns 'y': rename one"):
        loader(tmp_path, csv(20, age=plain, income=plain).replace("age,income", "y,y"))


# -- dates -------------------------------------------------------------------------------


def test_dates_are_the_same_numbers_from_csv_and_parquet(tmp_path: Path) -> None:
    days = pd.date_range("2023-11-20 06:30", periods=90, freq="31h")
    frame = pd.DataFrame({"when": days, "y": ["p", "q", "r"] * 30})
    one = loader(tmp_path, frame, name="t.parquet")
    two = loader(tmp_path, frame.to_csv(index=False))
    three = loader(tmp_path, frame.assign(when=days.strftime("%d.%m.%Y %H:%M")).to_csv(index=False))
    rows = np.arange(90)
    assert np.array_equal(one.inputs(rows), two.inputs(rows))
    assert np.array_equal(one.inputs(rows), three.inputs(rows))
    assert one.spec.input_shape == (4,)
    month, weekday, hour = one.inputs(rows)[0, 1:].tolist()
    assert (month > 0, weekday < 0, hour < 0) == (True, True, True)  # a Monday morning
    assert "column 'when' holds dates, day-month-year" in lines_about(three)


def test_an_order_of_day_and_month_that_is_guessed_is_reported(tmp_path: Path) -> None:
    data = loader(tmp_path, csv(40, a=lambda n: f"{n % 9 + 1:02d}/0{n % 8 + 1}/2020",
                                y=lambda n: "pq"[n % 2]))  # fmt: skip
    assert "day-month-year, which could be another order ('01/01/2020')" in lines_about(data)
    data = loader(tmp_path, csv(40, a=lambda n: f"0{n % 8 + 1}/{n % 20 + 1:02d}/2020",
                                y=lambda n: "pq"[n % 2]))  # fmt: skip
    assert made(data)["a"]["order"] == "mdy"
    assert "another order" not in lines_about(data)


# -- which columns -----------------------------------------------------------------------


def test_what_only_names_rows_is_left_out_and_reported(tmp_path: Path) -> None:
    shuffled = np.random.default_rng(0).permutation(60)
    frame = pd.DataFrame(
        {
            "customer_no": 5000 + 3 * shuffled, "orderId": [f"o{n}" for n in shuffled],
            "value": 7 * shuffled, "house_number": shuffled % 20, "y": ["p", "q"] * 30,
        }
    )  # fmt: skip
    content = frame.to_csv()
    data = loader(tmp_path, content)
    assert list(made(data)) == ["value", "house_number"]
    line = "left out: Unnamed: 0 (numbers of rows), customer_no (a name of each row), orderId"
    assert line in lines_about(data)
    assert "features=" in lines_about(data)


def test_columns_can_be_named_and_dropped(tmp_path: Path) -> None:
    content = csv(40, no=lambda n: n, a=plain, b=lambda n: n % 3, y=lambda n: "pq"[n % 2])
    content = content.replace("a,b,y", '"a, or so",b,y')
    data = loader(tmp_path, content, features='no, "a, or so"')
    assert list(made(data)) == ["no", "a, or so"]
    assert "b (features does not name it)" in lines_about(data)
    assert list(made(loader(tmp_path, content, drop="b"))) == ["a, or so"]
    with pytest.raises(DataError, match=r"drop: t\.csv has no column 'bb' to learn from: did you"):
        loader(tmp_path, content, drop="bb")
    with pytest.raises(ConfigError, match="features names 'y', which is the target"):
        loader(tmp_path, content, features="b,y")
    with pytest.raises(ConfigError, match="'b' is in features and in drop"):
        loader(tmp_path, content, features="b,no", drop="b")


def test_rows_that_differ_in_their_number_alone_are_copies(tmp_path: Path) -> None:
    data = loader(tmp_path, csv(40, a=plain, y=lambda n: "pq"[n % 7 % 2], row=lambda n: n))
    assert len(set(data.samples.contents)) == 7
    assert len(set(data.samples.ids)) == 40


def test_copies_with_two_labels_are_reported(tmp_path: Path) -> None:
    content = csv(30, a=lambda n: n * 1.5, y=lambda n: "pq"[n % 2]) + "0.0,q\n0.0,q\n"
    line = "1 sample has copies with another label, t.csv row 1 ('p') and t.csv row 31 ('q') first"
    assert line in lines_about(loader(tmp_path, content))


@pytest.mark.parametrize("name", ["nested.parquet", "nested.jsonl"])
def test_structures_are_taken_apart_and_lists_and_an_index_left_out_and_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    size = [{"wide": n * 1.5, "of": {"shop": "AB"[n % 2]}} if n % 7 else None for n in range(30)]
    frame = pd.DataFrame({"a": range(0, 60, 2), "tags": [[1, 2], None] * 15, "size": size,
                          "y": ["p", "q"] * 15},
                         index=pd.Index([f"r{n}" for n in range(30)], name="who"))  # fmt: skip
    content: Any = frame
    if name.endswith("jsonl"):
        content = frame.to_json(orient="records", lines=True)
    data = loader(tmp_path, content, name=name)
    assert list(made(data)) == ["a", "size.wide", "size.of.shop"]
    assert "size" not in data.left_out
    cells = data._features["size.wide"]
    assert [str(cell) for cell in cells[:3]] in (["nan", "1.5", "3.0"], ["", "1.5", "3.0"])
    assert f"{name}: left out: tags (lists in 15 cells): give each part a column" in caplog.text
    assert (
        f"{name}: column 'size' holds structures, taken apart into size.wide, size.of.shop: drop="
        in caplog.text
    )
    assert ("nested.parquet: left out: the index who" in caplog.text) == (content is frame)


@pytest.mark.parametrize("name", ["twice.parquet", "twice.jsonl"])
def test_a_part_of_a_structure_with_the_name_of_a_column_is_refused(
    tmp_path: Path, name: str
) -> None:
    frame = pd.DataFrame({"a": [{"b": 1}] * 30, "a.b": range(30), "y": ["p", "q"] * 15})
    content: Any = frame
    if name.endswith("jsonl"):
        content = frame.to_json(orient="records", lines=True)
    with pytest.raises(DataError, match=r"two columns 'a\.b'|'a\.b' is there twice: rename one"):
        loader(tmp_path, content, name=name)


def test_compressed_files_and_json_lines_are_read_as_csv_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = csv(40, a=lambda n: n * 1.5 if n % 9 else "", c=plain, y=lambda n: "pq"[n % 2])
    plainly = loader(tmp_path, content)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content.encode()))
    packed = TableFileLoader(str(tmp_path / "t.csv.gz"), "y")
    lines = [
        json.dumps({"a": n * 1.5 if n % 9 else None, "c": n % 7, "tags": [n], "y": "pq"[n % 2]})
        for n in range(40)
    ]
    objects = loader(tmp_path, "\n".join(lines), name="o.jsonl")
    for other in (packed, objects):
        assert other.samples.labels == plainly.samples.labels
        assert np.array_equal(other.inputs(np.arange(40)), plainly.inputs(np.arange(40)))
    assert "o.jsonl: left out: tags (lists in 40 cells)" in caplog.text
    large = [json.dumps({"n": n % 7, "y": 2**60 + n % 2}) for n in range(40)]
    assert loader(tmp_path, "\n".join(large), name="o.jsonl").spec.classes[1] == str(2**60 + 1)
    with pytest.raises(DataError, match=r"o\.jsonl line 2 is not a JSON object"):
        loader(tmp_path, '{"y": 1}\n[1]\n', name="o.jsonl")
    with pytest.raises(
        DataError, match=r"o\.jsonl line 1 is not a JSON object \('y' is there twice"
    ):
        loader(tmp_path, '{"y": 1, "y": 2}\n', name="o.jsonl")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content.encode())[:-9])
    with pytest.raises(DataError, match=r"t\.csv\.gz is damaged or no gzip file"):
        TableFileLoader(str(tmp_path / "t.csv.gz"), "y")
