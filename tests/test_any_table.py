"""Any table, however it is written, is read as what it says, or a line says what is not used."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import make_task
from al.data import Asked, TableFileLoader
from al.data.columns import values_of
from al.data.notations import SPACES

ROWS = 30
TREE = "sklearn.tree.DecisionTreeClassifier"
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
WORDS = ["red", "Grün", "dark blue", "a, b", "x;y", 'say "so"', "none of it", "no"]
texts = st.lists(st.sampled_from(WORDS), min_size=2, max_size=4, unique=True)


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """What a column holds: its kind and a value a row, None if there is none."""
    kind = draw(st.sampled_from(["number", "whole", "percent", "word", "date"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values: list[Any]
    if kind == "word":
        words = draw(texts)
        values = [words[n] for n in rng.integers(0, len(words), ROWS)]
    elif kind == "date":
        start = np.datetime64("1990-01-01") + int(rng.integers(0, 12000))
        values = [start + int(n) for n in rng.integers(0, 900, ROWS)]
    else:
        scale = 10.0 ** draw(st.integers(0, 6))
        decimals = 0 if kind == "whole" else draw(st.integers(1, 2))
        values = [round(float(n) * scale, decimals) for n in rng.normal(size=ROWS)]
        values[0], values[1] = 0.5 if decimals else 2.0, 7.0  # what tells points from commas
    if draw(st.booleans()):
        values = [None if rng.random() < 0.2 and row > 1 else v for row, v in enumerate(values)]
    return kind, values


def written(kind: str, value: Any, decimal: str, thousands: str, order: str, gap: str) -> str:
    """A cell as a person writes it."""
    if value is None:
        return gap
    if kind == "word":
        return str(value)
    if kind == "date":
        year, month, day = str(value).split("-")
        return f"{year}-{month}-{day}" if order == "y" else f"{day}.{month}.{year}"
    text = f"{value:,.0f}" if kind == "whole" else f"{value:,.2f}"
    text = text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)
    return f"{text} %" if kind == "percent" else text


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_table_is_read_back_as_it_was_meant(data: Any, tmp_path_factory: Any) -> None:
    some = data.draw(st.lists(columns(), min_size=1, max_size=4))
    decimal = data.draw(st.sampled_from(".,"))
    thousands = data.draw(
        st.sampled_from(["", "." if decimal == "," else ",", " ", SPACES[3], "'"])
    )
    separator = data.draw(st.sampled_from(sorted(SEPARATORS)))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    gap = data.draw(st.sampled_from(["", "NA", "?", "null"]))
    order = data.draw(st.sampled_from("yd"))
    labels = data.draw(st.lists(st.sampled_from(["yes", "none", "NA", ""]), min_size=ROWS,
                                max_size=ROWS))  # fmt: skip
    labels[:4] = ["yes", "none", "NA", "yes"]
    if encoding == "cp1252":
        thousands = thousands.replace(SPACES[3], SPACES[1])
    out = io.StringIO()
    rows = csv.writer(out, delimiter=separator)
    rows.writerow([f"col {n}" for n in range(len(some))] + ["y"])
    for row in range(ROWS):
        cells = [
            written(kind, values[row], decimal, thousands, order, gap) for kind, values in some
        ]
        rows.writerow([*cells, labels[row]])
    path: Path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    found = TableFileLoader(str(path), "y", Asked(decimal={".": "point", ",": "comma"}[decimal]))
    assert found.samples.labels == [label or None for label in labels]
    made = {column["name"]: column for column in found.spec.details["columns"]}
    for n, (kind, values) in enumerate(some):
        name, cells = f"col {n}", found._features[f"col {n}"]
        if name not in made:
            assert name in found.left_out
            assert f"{name} (" in "\n".join(found.summary())
            continue
        if kind == "word":
            assert made[name]["kind"] == "category"
            assert [value in made[name]["values"] for value in values if value is not None]
            assert cells.tolist() == [gap if value is None else value for value in values]
            continue
        (read, *_), gone = values_of(cells, made[name])
        assert gone.tolist() == [value is None for value in values]
        if kind == "date":
            values = [
                v if v is None else (v - np.datetime64("1970-01-01")).astype(int) for v in values
            ]
        expected = [0.0 if value is None else float(value) for value in values]
        assert np.where(gone, 0.0, read) == pytest.approx(expected, abs=1e-9), (name, kind)
    inputs = found.inputs(np.arange(ROWS)).numpy()
    assert np.isfinite(inputs).all()
    _trained_and_served(path, found, inputs, separator, encoding)


def _trained_and_served(
    path: Path, found: TableFileLoader, inputs: np.ndarray, separator: str, encoding: str
) -> None:
    """A model learns every row that has a label, and says the same of the file as it is written."""
    if not made_columns(found):
        return
    task = make_task("table", {"data": str(path), "target": "y", "estimator": TREE})
    graph: Any = task.graph(found.spec)
    rows = [row for row, label in enumerate(found.samples.labels) if label is not None]
    targets = np.array([found.kind.position(found.samples.labels[row]) for row in rows])
    graph.fit(inputs[rows], targets, 0)
    frame = pd.read_csv(
        path, sep=separator, encoding=encoding, dtype=str, keep_default_na=False
    ).iloc[::-1]
    given = task.inputs(found.spec, frame)
    assert np.array_equal(given, inputs[::-1])
    probabilities = graph.predict(given)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    served = np.asarray(found.spec.classes)[probabilities.argmax(axis=1)]
    whole = {tuple(inputs[row]): set[str]() for row in rows}
    for row in rows:
        whole[tuple(inputs[row])].add(str(found.samples.labels[row]))
    for row in rows:  # a tree that is grown to its end knows each row but contradictions
        if len(whole[tuple(inputs[row])]) == 1:
            assert served[ROWS - 1 - row] == found.samples.labels[row]


def made_columns(found: TableFileLoader) -> Sequence[Any]:
    """The columns that are learned from."""
    return found.spec.details["columns"]  # type: ignore[no-any-return]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), separator=st.sampled_from(sorted(SEPARATORS)))
def test_the_decimal_mark_is_found_where_the_cells_tell_it(
    seed: int, separator: str, tmp_path_factory: Any
) -> None:
    rng = np.random.default_rng(seed)
    numbers = np.round(rng.normal(size=(ROWS, 3)) * 10.0 ** rng.integers(0, 5, 3), 2)
    found = []
    for decimal in ".,":
        lines = [separator.join(["a", "b", "c", "y"])]
        for row, cells in enumerate(numbers):
            texts = [f"{cell:.2f}".replace(".", decimal) for cell in cells]
            quoted = [f'"{text}"' if separator == decimal else text for text in texts]
            lines.append(separator.join([*quoted, "pq"[row % 2]]))
        path = tmp_path_factory.mktemp("marks") / "t.csv"
        path.write_text("\n".join(lines))
        found.append(TableFileLoader(str(path), "y"))
    assert np.array_equal(found[0].inputs(np.arange(ROWS)), found[1].inputs(np.arange(ROWS)))
    assert "read with a comma before decimals" in "\n".join(found[1].summary())
