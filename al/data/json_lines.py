"""Tables in which each line is a JSON object."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from al.data.delimited import tell_once
from al.errors import DataError

_log = logging.getLogger(__name__)


def json_lines(path: Path, text: str) -> pd.DataFrame:
    """The rows of a text, every cell a text, "" where there is none; numbers as they are written.

    Columns that hold lists or objects are left out and told.

    Raises:
        DataError: a line is no object, or names a key twice.
    """
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(
                line, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_once
            )
        except ValueError as error:
            raise DataError(f"{path} line {number} is no JSON object ({error}): mend it") from None
        if not isinstance(row, dict):
            raise DataError(f"{path} line {number} is no JSON object: write {{…}} in each line")
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    nested = [n for n in names if any(isinstance(row.get(n), dict | list) for row in rows)]
    if nested:
        tell_once(f"{path.name}: left out: {', '.join(nested)} (lists or structures in cells): "
                  "give each part a column to use them", _log)  # fmt: skip
    held = {n: [_cell(row.get(n)) for row in rows] for n in names if n not in nested}
    frame = pd.DataFrame(held, dtype=str)
    frame.attrs["separator"] = ""
    return frame


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
