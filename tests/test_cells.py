from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from al.cells import safe_cell, save_table

RISKY = st.text("='+-@\t\r\nax ", max_size=6)


@given(RISKY, RISKY)
def test_no_text_is_a_formula_and_no_two_become_one(one: str, other: str) -> None:
    assert not safe_cell(one).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert (safe_cell(one) == safe_cell(other)) == (one == other)


def test_what_is_none_stays_as_it_is() -> None:
    assert [safe_cell(text) for text in ("plain = text", "it's", "'quoted'", "")] == [
        "plain = text", "it's", "'quoted'", "",
    ]  # fmt: skip


def test_a_table_has_safe_texts_and_headers_and_its_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"=id": ["@a", "b"], "n": [-1.5, 2.0], "x": ["+", None]})
    save_table(frame, tmp_path / "t.csv")
    with open(tmp_path / "t.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["'=id", "n", "x"], ["'@a", "-1.5", "'+"], ["b", "2.0", ""],
        ]  # fmt: skip
