"""Texts and their entities as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from al.errors import DataError, did_you_mean


def read_lines(path: Path, text: str, name: str, target: str) -> list[dict[str, Any]]:
    """The rows of a file, with the line of each.

    Args:
        name, target: keys of the text and of its entities; none, or null, means no label.

    Raises:
        DataError: a line is not an object, or none has a text, or entities; names the line or key.
    """
    found: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path} line {number} is not a JSON object ({error}): mend it"
            ) from None
        if not isinstance(row, dict):
            raise DataError(f"{path} line {number} is not a JSON object: write {{…}} in each line")
        if not isinstance(row.get(name), str | None):
            raise DataError(f"{path} line {number}: {name!r} is not a text: mend it")
        found.append({**row, "line": number})
    there = list(dict.fromkeys(key for row in found for key in row if key != "line"))
    for key, parameter in ((name, "text"), (target, "target")):
        if key not in there:
            near = did_you_mean(key, there)
            raise DataError(f"{path} has no key {key!r}, which {parameter}= can name: {near}")
    return found
