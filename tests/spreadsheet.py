"""A person with a spreadsheet program: opens a table, fills in labels, saves it their way."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Rows = list[dict[str, str]]

#: Ways to save: (encoding, delimiter, line end, quote everything).
WAYS: dict[str, tuple[str, str, str, bool]] = {
    "LibreOffice": ("utf-8", ",", "\n", False),
    "Excel, UTF-8": ("utf-8-sig", ",", "\r\n", False),
    "Excel, German": ("cp1252", ";", "\r\n", False),
    "Excel, Unicode text": ("utf-16", "\t", "\r\n", False),
    "Numbers": ("utf-8", ";", "\n", True),
    "an old Mac": ("utf-8", ",", "\r", True),
}


def opened(path: Path) -> Rows:
    """The rows as the program shows them."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.DictReader(file) if row["id"]]


def saved(path: Path, rows: Rows, way: str = "LibreOffice") -> None:
    """Save the rows as a program would, columns moved and one added."""
    encoding, delimiter, end, quoted = WAYS[way]
    names = ["label", *[name for name in rows[0] if name != "label"], "Notes"]
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    table = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    table.writerow([name.capitalize() if way == "Numbers" else name for name in names])
    for row in rows:
        table.writerow([*(row.get(name, "") for name in names[:-1]), "?"])
    table.writerow([""] * len(names))  # trailing empties
    path.write_bytes(text.getvalue().encode(encoding))


def fill(
    path: Path,
    label: Callable[[str], Any],
    way: str = "LibreOffice",
    most: int | None = None,
    changes: Mapping[str, str] | None = None,
) -> int:
    """Fill in the first `most` empty labels; returns how many are still empty."""
    rows = opened(path)
    left = len(rows) if most is None else most
    for row in rows:
        if not row["label"] and left:
            row["label"] = str(label(row["id"]))
            left -= 1
        row["label"] = (changes or {}).get(row["id"], row["label"])
    saved(path, rows, way)
    return sum(not row["label"] for row in rows)
