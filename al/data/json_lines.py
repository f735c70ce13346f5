"""Tables in which each line is a JSON object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from al.data.nested import taken_apart, tell_nested
from al.errors import DataError


def json_lines(path: Path, text: str) -> pd.DataFrame:
    """The rows of a text, every cell a text, "" if there is none; numbers as they are written.

    Objects in cells are taken apart, columns that hold lists are left out; both are reported.

    Raises:
        DataError: a line is not an object, or names a key twice.
    """
    rows: list[dict[str, Any]] = []
    apart: dict[str, None] = {}  # columns that hold objects
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(
                line, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_once
            )
        except ValueError as error:
            raise DataError(
                f"{path} line {number} is not a JSON object ({error}): mend it"
            ) from None
        if not isinstance(row, dict):
            raise DataError(f"{path} line {number} is not a JSON object: write {{…}} in each line")
        apart |= dict.fromkeys(name for name, value in row.items() if isinstance(value, dict))
        try:
            rows.append(_once(taken_apart(row)))
        except ValueError as error:
            raise DataError(f"{path} line {number}: {error}: rename one") from None
    there = dict.fromkeys(name for row in rows for name in row)
    names = [n for n in there if n not in apart or any(row.get(n) is not None for row in rows)]
    lists = {n: sum(isinstance(row.get(n), list) for row in rows) for n in names}
    nested = {name: count for name, count in lists.items() if count}
    tell_nested(path, {n: [p for p in names if p.startswith(f"{n}.")] for n in apart}, nested)
    held = {n: [_cell(row.get(n)) for row in rows] for n in names if n not in nested}
    frame = pd.DataFrame(held, dtype=str)
    frame.attrs["separator"] = ""
    return frame


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is there twice")
    return found


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
