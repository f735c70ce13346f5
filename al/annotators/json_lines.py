"""Entities as people and their tools write them: a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from al.annotators.spreadsheets import Row, Sheet
from al.errors import DataError

#: Keys that may hold entities: ours, and that of doccano's exports.
KEYS = ("entities", "label")


def lines_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows, each with `entities` that wait for somebody."""
    return "".join(json.dumps({**row, KEYS[0]: None}, ensure_ascii=False) + "\n" for row in rows)


def read_lines(path: Path) -> Sheet:
    """The rows in a file, as those of a table: an answer is JSON in `label`, or a
    word like skip; "" while there is no answer.

    Raises:
        DataError: the file cannot be read, or a line is not an object with an id.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): close it elsewhere") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error.reason}): save it as UTF-8") from None
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            id = row["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DataError(
                f"{path} line {number} is not a JSON object with an id: mend it"
            ) from None
        value = next((row[key] for key in KEYS if row.get(key) is not None), None)
        label = value if isinstance(value, str) else "" if value is None else json.dumps(value)
        cells = {"id": str(id), "label": label, "annotator": str(row.get("annotator") or "")}
        rows.append(Row(number, cells))
    return Sheet(tuple(rows), decimal_comma=False)
