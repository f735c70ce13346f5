"""Tables in workbooks, as spreadsheets save them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.data.reading import read_table
from al.data.tables import TableFileLoader
from al.errors import AlError

pytest.importorskip("openpyxl")
pytest.importorskip("odf")

ROWS: list[list[Any]] = [
    ["no", "weight", "when", "class code", "answer"],
    [1, 2.5, date(2024, 12, 31), 1234561, "yes"],
    [None, None, None, None, None],
    [2, None, datetime(2025, 1, 2, 3, 4, 5), 1234562, "NA"],
    [3, "3,5 kg", date(2025, 1, 3), None, True],
]


@pytest.fixture(params=["xlsx", "ods"])
def book(request: Any, tmp_path: Path) -> Path:
    path = tmp_path / f"book.{request.param}"
    with pd.ExcelWriter(path, engine="odf" if request.param == "ods" else "openpyxl") as file:
        pd.DataFrame(ROWS, dtype=object).to_excel(
            file, sheet_name="Rows", header=False, index=False
        )
        other = pd.DataFrame({"a": ["x", "y"], "answer": ["u", "v"]})
        other.to_excel(file, sheet_name="Other", index=False)
    return path


def test_the_first_sheet_is_read_and_the_others_are_reported(
    book: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = read_table(book)
    assert list(frame.columns) == ["no", "weight", "when", "class code", "answer"]
    assert frame["no"].tolist() == ["1", "2", "3"]  # an empty row is none
    assert frame["weight"].tolist() == ["2.5", "", "3,5 kg"]
    assert frame["when"].tolist() == ["2024-12-31", "2025-01-02 03:04:05", "2025-01-03"]
    assert frame["class code"].tolist() == ["1234561", "1234562", ""]
    assert frame["answer"].tolist() == ["yes", "NA", "True"]
    assert f"{book.name}: sheet 'Rows' is read, of 2: pass sheet=" in caplog.text
    assert read_table(book, sheet="Other")["answer"].tolist() == ["u", "v"]


def test_what_cannot_be_read_is_one_line(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AlError, match="has no sheet 'other': did you mean 'Other'"):
        read_table(book, sheet="other")
    with pytest.raises(AlError, match=r"sheet=Rows: rows\.csv has no sheets: leave it out"):
        read_table(book.with_name("rows.csv"), sheet="Rows")
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    monkeypatch.setitem(__import__("sys").modules, "odf", None)
    with pytest.raises(AlError, match=r"is not installed.*pip install .*\[excel\]"):
        read_table(book)
    monkeypatch.undo()
    book.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(AlError, match=r"is damaged or no .* file") as caught:
        read_table(book)
    assert "\n" not in str(caught.value)


def test_a_column_without_a_name_and_an_empty_sheet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    pd.DataFrame([["a", None], ["1", "lost"]]).to_excel(path, header=False, index=False)
    with pytest.raises(AlError, match="a column has no name, 'lost' is in it"):
        read_table(path)
    pd.DataFrame().to_excel(path, header=False, index=False)
    with pytest.raises(AlError, match="is empty: give a sheet with rows"):
        read_table(path)


def test_a_workbook_is_learned_from_as_the_same_rows_in_csv_are(tmp_path: Path) -> None:
    rows = {"a": range(60), "answer": [("no", "yes")[n % 2] for n in range(60)]}
    frame = pd.DataFrame({**rows, "b": [n % 7 / 2 for n in range(60)]})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_csv(tmp_path / "t.csv", index=False)
    one, two = (TableFileLoader(str(tmp_path / f"t.{kind}"), "answer") for kind in ("xlsx", "csv"))
    assert one.samples.labels == two.samples.labels
    assert one.spec.to_dict() == two.spec.to_dict()
    every = np.arange(60)
    assert (one.inputs(every) == two.inputs(every)).all()
