"""Rows in files: read, taken in as numbers, learned from, and told where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import make_task
from al.data import TableFileLoader
from al.data.columns import encoded, learned, width
from al.data.reading import read_table
from al.data.texts import TextFileLoader
from al.errors import AlError, DataError, LabelError, StrategyError
from tests.own_data import fruit_table
from tests.stores import runs, table

Make = Callable[..., Any]


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# -- reading -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("a,b\n1,x\n2,y\n", "t.csv"),
        ("a;b\n1;x\n2;y\n", "t.csv"),
        ("a\tb\n1\tx\n2\ty\n", "t.tsv"),
        ("\ufeffa, b\r\n1, x\r\n2, y\r\n", "t.csv"),
        ("a,b\n1,x\n2,y\n".encode("utf-16"), "t.csv"),
    ],
)
def test_a_table_is_read_however_it_is_written(tmp_path: Path, content: Any, name: str) -> None:
    frame = read_table(written(tmp_path, content, name))
    assert frame.to_dict("list") == {"a": ["1", "2"], "b": ["x", "y"]}


def test_another_encoding_is_read_and_reported_with_its_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, "a,b\n1,x\n2,caf\xe9\n".encode("cp1252"), "menu.csv")
    assert read_table(path)["b"].tolist() == ["x", "café"]
    assert caplog.text == ("menu.csv line 3 is not UTF-8: the file is read as Windows-1252\n")


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        ("", "t.csv", "is empty: give a file with rows"),
        ("  \n \n", "t.csv", "is empty"),
        ("a,b\n", "t.csv", "has a header and no rows"),
        ("a,b\n1,2\n1,2,3\n", "t.csv", "line 3 has 3 cells where the header has 2: mend it"),
        ("\na,b\n\n1,2,3\n1,2,3\n", "t.csv", "line 4 has 3 cells .* and so 1 rows more"),
        ("a,b\n1,\x00\n", "t.csv", "line 2 holds bytes that are not text"),
        (b"a,b\n1,\x81\xfe\n", "t.csv", "line 2 is neither UTF-8 nor Windows-1252"),
        (b"PAR1....", "t.csv", "is not a text file"),
        (b"PK\x03\x04...", "t.csv", "is not a text file"),
        ("a,b\n1,2\n", "t.xls", r"is not a \.csv, \.tsv, \.parquet, \.jsonl"),
        ("a,b\n1,2\n", "t.parquet", "is damaged or no parquet"),
    ],
)
def test_a_file_that_is_no_table_is_one_line_with_its_name(
    tmp_path: Path, content: Any, name: str, says: str
) -> None:
    with pytest.raises(DataError, match=rf"{name}.*{says}") as caught:
        read_table(written(tmp_path, content, name))
    assert "\n" not in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='a,;"\n\t1é', max_size=80).map(str.encode))
def test_any_bytes_are_a_table_or_one_line(tmp_path_factory: Any, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    with suppress(AlError):
        frame = read_table(written(folder, content))
        columns, _ = learned(frame)
        found = encoded(frame, columns)
        assert found.shape == (len(frame), width(columns))
        assert np.isfinite(found).all()


# -- rows as numbers ----------------------------------------------------------------------


def test_rows_become_scaled_numbers_with_a_column_for_each_value_and_each_gap() -> None:
    frame = pd.DataFrame({"n": ["1", "3", "?"], "c": ["x", "y", "x"], "same": ["7"] * 3})
    columns, left_out = learned(frame)
    assert left_out == {"same": "always the same"}
    assert encoded(frame, columns).tolist() == [[-1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0]]
    later = pd.DataFrame({"n": ["5", ""], "c": ["new", "NA"]})
    assert encoded(later, columns).tolist() == [[3, 0, 0, 0], [0, 1, 0, 0]]
    assert encoded(pd.DataFrame({"c": ["y"]}), columns).tolist() == [[0, 1, 0, 1]]


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": [1.5, None, 3.0, 2.0], "whole": [1, 2, 3, 4], "yes": [True, False, True, True],
            "c": pd.Categorical(["x", "y", None, "x"]),
        }
    )  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    parts = [read_table(tmp_path / name) for name in ("t.csv", "t.parquet")]
    one, two = (encoded(part, learned(part)[0]) for part in parts)
    assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("inf", "t.csv row 2: column 'n' is infinite"),
        ("1e999", "row 2: column 'n' is infinite"),
    ],
)
def test_an_infinite_feature_is_reported_with_its_row(tmp_path: Path, cell: str, says: str) -> None:
    path = written(tmp_path, f"n,kind\n1,a\n{cell},b\n3,a\n")
    with pytest.raises(DataError, match=says):
        TableFileLoader(str(path), "kind")


# -- labels ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "kind", "classes"),
    [
        (["yes", "no"] * 5, "class", ("no", "yes")),
        (["0", "1", "2"] * 5, "class", ("0", "1", "2")),
        ([f"{n}.5" for n in range(30)], "number", ()),
        ([str(n) for n in range(30)], "number", ()),
    ],
)
def test_the_target_decides_between_classes_and_numbers(
    tmp_path: Path, cells: list[str], kind: str, classes: Any
) -> None:
    lines = [f"{n % 7},{cell}" for n, cell in enumerate(cells)]
    data = TableFileLoader(str(written(tmp_path, "n,y\n" + "\n".join(lines))), "y")
    assert (data.spec.kind, data.spec.classes) == (kind, classes)
    begins = "target 'y' is " + ("a number, 0" if kind == "number" else "")
    assert data.summary()[0].startswith(begins)
    label = data.truth(data.ids("train")[:1])[0]
    data.check_label(label)
    for wrong in ("maybe", float("nan"), True, None):
        with pytest.raises(LabelError):
            data.check_label(wrong)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("n,kind\n1,a\n2,b\n", "t.csv has no column 'knd': did you mean 'kind'"),
        ("n,knd\n1,\n2, \n", "column 'knd' holds no label"),
        ("n,knd\n1,a\n2,\n", "column 'knd' of t.csv has one class, 'a'"),
        ("n,knd\n" + "\n".join(f"{n % 3},id{n}" for n in range(5000)),
         "5000 classes in 5000 labels .t.csv row 5000: 'id4999'."),
        ("n,knd\n" + "\n".join(f"1,{n}.5" for n in range(60)) + "\n1,oops",
         "t.csv row 61: column 'knd' holds 'oops' where other rows hold numbers"),
        ("n,knd\n" + "\n".join(f"{n % 3},{n}.5" for n in range(60)) + "\n1,inf",
         "t.csv row 61: column 'knd' is infinite"),
        ("id,n,knd\nx,1,a\ny,2,b\nx,3,a\n", "t.csv row 1 and t.csv row 3 have one id, 'x'"),
        ("id,n,knd\nx,1,a\n,2,b\n", "t.csv row 2 has no id"),
        ("n,knd,split\n1,a,train\n2,b,dev\n", "t.csv row 2 has split 'dev': write train, val"),
        ("n,knd,split\n1,a,train\n2,b,train\n3,,test\n", "t.csv row 3 is in split test and has no"),
        ("knd\na\nb\n", "t.csv has no column to learn from beside 'knd'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_one_line_with_file_and_row(
    tmp_path: Path, content: str, says: str
) -> None:
    with pytest.raises(DataError, match=says) as caught:
        TableFileLoader(str(written(tmp_path, content)), "knd")
    assert "\n" not in str(caught.value)


def test_rows_without_an_id_are_called_by_what_they_hold(tmp_path: Path) -> None:
    path = fruit_table(tmp_path / "t.csv")
    data = TableFileLoader(str(path), "kind")
    lines = path.read_text().splitlines()
    written(tmp_path, "\n".join([lines[0], *reversed(lines[1:]), "55,blue,shop 1,plum"]), "u.csv")
    other = TableFileLoader(str(tmp_path / "u.csv"), "kind")
    assert len(set(other.samples.ids) - set(data.samples.ids)) == 1
    first = data.ids("train")[0]
    assert other.preview(first).row == data.preview(first).row
    written(tmp_path, "n,y\n1,a\n1,b\n1,a\n2,b\n", "copies.csv")
    copies = TableFileLoader(str(tmp_path / "copies.csv"), "y").samples
    assert [id.rpartition("-")[2] for id in copies.ids[1:3]] == ["2", "3"]
    assert len(set(copies.contents)) == 2


def test_a_file_that_grew_is_taken_in_as_at_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = fruit_table(tmp_path / "t.csv")
    data = TableFileLoader(str(path), "kind")
    data.freeze(data.propose_splits(20, 0))
    spec, before = data.spec, data.ids("train")
    with path.open("a") as file:
        file.write("9999,violet,shop 9,\n")
    data.refresh()
    data.freeze(data.propose_splits(20, 0))
    assert data.spec == spec
    (new,) = set(data.ids("train")) - set(before)
    (batch,) = data.batches([new], batch_size=1)
    assert batch.inputs.shape == (1, *spec.input_shape)
    again = TableFileLoader(str(path), "kind")  # another process, after the file grew
    assert again.spec != spec
    again.adopt(spec)
    (same,) = again.batches([new], batch_size=1)
    assert np.array_equal(same.inputs, batch.inputs)
    with path.open("a") as file:
        file.write("heavy,red,shop 1,\n")
    data.refresh()
    message = "column 'weight': 1 of 306 cells are not numbers and count as missing, 'heavy' first"
    assert f"{message} (t.csv row 332)" in caplog.text


def test_metadata_holds_numbers_as_numbers_for_sql(tmp_path: Path) -> None:
    data = TableFileLoader(str(fruit_table(tmp_path / "t.csv")), "kind")
    seen = data.metadata(data.ids("train")[:50])
    assert list(seen.columns) == ["weight", "colour", "shop"]
    assert seen["weight"].dtype == np.float64
    assert seen["shop"].str.startswith("shop ").all()


# -- campaigns ---------------------------------------------------------------------------


SLOW = pytest.param("sklearn.linear_model.LogisticRegression", marks=pytest.mark.slow)


def test_a_strategy_that_asks_members_is_refused_before_a_campaign_of_one_model_starts(
    campaign: Make, client: Any, folder: Path
) -> None:
    path = fruit_table(folder / "fruit.csv")
    one = campaign(
        task="table", data=str(path), target="kind", strategy="bald",
        estimator="sklearn.linear_model.LogisticRegression",
    )  # fmt: skip
    with pytest.raises(StrategyError, match="LogisticRegression has no members"):
        one.run()
    assert not runs(client)


@pytest.mark.parametrize("estimator", ["none", "mlp", SLOW])
def test_a_campaign_learns_from_a_table_and_its_model_takes_rows(
    campaign: Make, client: Any, folder: Path, estimator: str, caplog: pytest.LogCaptureFixture
) -> None:
    import mlflow

    path = fruit_table(folder / "fruit.csv")
    result = campaign(
        task="table", data=str(path), target="kind", estimator=estimator, epochs=15,
        strategy='sql("SELECT id FROM pool WHERE weight > 80") > margin' if estimator == "mlp"
        else "entropy", campaign="c", cycles=2,
    ).run()  # fmt: skip
    out = caplog.text
    assert "target 'kind' is 3 classes ('apple', 'lemon', 'plum'); 300 of 330 rows have it" in out
    assert result.curve["accuracy"].iloc[-1] > 0.6
    query = table(client, runs(client, step="select-data")[-1], "query.parquet")
    assert query["score"].is_monotonic_decreasing
    served = mlflow.pyfunc.load_model("models:/c/Production")
    columns = {c.name: c.required for c in served.metadata.signature.inputs.inputs}
    assert columns == {"weight": False, "colour": False, "shop": True}
    rows = pd.DataFrame({"weight": [155.0, 61.0, None], "colour": ["green", "blue", "yellow"],
                         "shop": ["shop 1", "shop 7", "shop 0"]})  # fmt: skip
    answer = served.predict(rows)
    assert list(answer["label"]) == ["apple", "plum", "lemon"]
    assert list(answer.columns[2:]) == ["p_apple", "p_lemon", "p_plum"]
    assert served.predict(rows[["shop"]]).shape == (3, 5)


def test_an_estimator_that_needs_more_labels_than_a_first_cycle_brings_waits_for_them(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = fruit_table(folder / "fruit.csv")
    result = campaign(
        task="table", data=str(path), target="kind", campaign="c", strategy="margin",
        estimator="sklearn.neighbors.KNeighborsClassifier(n_neighbors=15)",
        cycles=2, initial_size=8, query_size=30,
    ).run()  # fmt: skip
    lines = [line for line in caplog.messages if "KNeighborsClassifier cannot learn" in line]
    assert len(lines) == 1
    assert "until there are more the model says the share of each class" in lines[0]
    first, last = result.curve["accuracy"]
    assert last > first + 0.2
    assert list(result.curve["labels"]) == [8, 38]


def test_rows_that_are_shorter_than_the_header_are_counted_and_their_lines_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = ["a,b,c", '1,"two', 'lines",3', "4", "5,6,7", "", *["8,9"] * 5]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    frame = read_table(tmp_path / "t.csv")
    assert frame["b"].tolist() == ["two\nlines", "", "6", *["9"] * 5]
    assert frame["c"].tolist() == ["3", "", "7", *[""] * 5]
    assert "t.csv: 6 rows have fewer cells than the header (line 4, 7, 8, 9, 10 and 1 more)" in (
        caplog.text
    )


@pytest.mark.parametrize(
    ("name", "make", "row", "wrong", "says"),
    [
        ("t.csv", lambda file: TableFileLoader(file, "y"), "{0},{1}\n", "x,z\n1,a\n", "'y'"),
        ("t.csv", lambda file: TextFileLoader(file, "x", "y"), "{0},{1}\n", "x,z\n1,a\n", "'y'"),
        (
            "t.jsonl",
            lambda file: make_task("text-entities", {"data": file, "encoder": "none"}).data(),
            '{{"text": "Anna {0}", "entities": [[0, 4, "{1}"]]}}\n',
            "3\n",
            "line 1",
        ),
    ],
    ids=["table", "texts", "entities"],
)
def test_a_file_that_cannot_be_used_is_reported_at_each_look_until_it_is_mended(
    tmp_path: Path, name: str, make: Any, row: str, wrong: str, says: str
) -> None:
    file = tmp_path / name
    head = "" if name.endswith("l") else "x,y\n"
    good = head + "".join(row.format(i / 2, "ab"[i % 2]) for i in range(20))
    file.write_text(good)
    loader = make(str(file))
    file.write_text(wrong)
    for _ in range(2):
        with pytest.raises(DataError, match=says):
            loader.refresh()
    file.write_text(good + row.format(70.5, "a"))
    loader.refresh()
    assert len(loader.samples.ids) == 21


def test_what_is_kept_of_a_table_names_the_file_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("al.data.tables.ROWS", 1)
    rows = [f"{i % 17 / 2},{'ab'[i % 2]}" for i in range(200)]
    text = "\n".join(["x,y", *rows, "much,a", ""])
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text(text)
        lines = TableFileLoader(str(tmp_path / name), "y").oddities()
        assert any(f"{name} row 201" in line for line in lines), lines
