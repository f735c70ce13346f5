from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.annotators.spreadsheets import LabelCells, read_sheet, same
from al.contracts import DataSpec
from al.errors import DataError, LabelError
from al.kinds import kind_of
from tests.spreadsheet import WAYS, saved

DIGITS = DataSpec(tuple("0123456789"), (8, 8), "float64")
PETS = DataSpec(("cat", "dog", "Größe"), (1,), "float64", "labels")
PLAIN = st.text(st.characters(codec="cp1252", exclude_categories=["Cc"]), max_size=20)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(list(WAYS)),
    st.lists(st.tuples(PLAIN.filter(str.strip), PLAIN), min_size=1, max_size=6),
)
def test_however_a_table_is_saved_it_reads_the_same(way: str, cells: list[tuple[str, str]]) -> None:
    rows = [{"id": id, "text": text, "label": "x"} for id, text in cells]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "query.csv"
        saved(path, rows, way)
        sheet = read_sheet(path, ("id", "label"))
    assert [row.cells["id"] for row in sheet.rows] == [id for id, _ in cells]
    assert [row.cells["text"] for row in sheet.rows] == [text for _, text in cells]
    assert [row.number for row in sheet.rows] == list(range(2, len(cells) + 2))


def test_a_line_for_excel_alone_a_header_in_capitals_and_short_rows_are_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "query.csv"
    path.write_bytes(b"\xef\xbb\xbfsep=;\r\n ID ;Label;\r\na;cat\r\n;;;\r\nb\r\n")
    rows = read_sheet(path, ("id", "label")).rows
    assert [(row.number, row.cells.get("label")) for row in rows] == [(2, "cat"), (4, None)]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "has no columns id and label"),
        (b"a,b\n1,2\n", "its first row is 'a,b'"),
        (b"id,label,label\n", "two columns 'label'"),
        (b"PK\x03\x04 an xlsx", "save it as CSV"),
    ],
)
def test_what_is_no_such_table_is_one_line(tmp_path: Path, raw: bytes, says: str) -> None:
    (tmp_path / "query.csv").write_bytes(raw)
    with pytest.raises(DataError, match=says) as caught:
        read_sheet(tmp_path / "query.csv", ("id", "label"))
    assert "\n" not in str(caught.value)


def test_a_table_that_is_a_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_sheet(tmp_path, ("id",))


@given(
    st.sampled_from(DIGITS.classes), st.sampled_from(["{}", "{}.0", "{},0", " {} ", "'{}", "0{}"])
)
def test_a_class_that_a_spreadsheet_took_for_a_number_is_the_class(name: str, form: str) -> None:
    assert LabelCells(kind_of(DIGITS)).label(form.format(name), decimal_comma=True) == name


def test_letters_count_before_capitals_and_what_is_not_clear_is_none() -> None:
    assert same("Cat", ["cat", "Cat"]) == "Cat"
    assert same("CAT", ["cat", "dog"]) == "cat"
    assert same("CAT", ["cat", "Cat"]) is None
    assert same("1", ["01", "1.0"]) is None
    assert same("", ["a"]) is None
    assert same("x", ["a", "b"]) is None


def test_several_classes_none_and_numbers() -> None:
    pets = LabelCells(kind_of(PETS))
    assert pets.label("dog | CAT|", decimal_comma=False) == ["cat", "dog"]
    assert pets.label("None", decimal_comma=False) == []
    with pytest.raises(LabelError, match="'dig' is not a class: did you mean 'dog'"):
        pets.label("cat|dig", decimal_comma=False)
    number = LabelCells(kind_of(DataSpec((), (1,), "float64", "number")))
    assert number.label("1,5", decimal_comma=True) == number.label(" 1.5", decimal_comma=False)
    with pytest.raises(LabelError, match=r"'1,234' is not a number: write it like 1234\.5"):
        number.label("1,234", decimal_comma=False)
    with pytest.raises(LabelError, match="not a number"):
        number.label("1.234,5", decimal_comma=True)
