"""Structures and lists in the cells of a table: structures are taken apart, lists left out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from al.data.delimited import log_once

_log = logging.getLogger(__name__)


def taken_apart(row: Mapping[str, Any], within: str = "") -> list[tuple[str, Any]]:
    """The cells of an object, those of objects in it by the names of both: a.b."""
    found: list[tuple[str, Any]] = []
    for name, value in row.items():
        if isinstance(value, dict):
            found += taken_apart(value, f"{within}{name}.")
        else:
            found.append((f"{within}{name}", value))
    return found


def tell_nested(
    path: Path, structures: Mapping[str, Sequence[str]], lists: Mapping[str, int]
) -> None:
    """Say what was made of a file's structures and lists.

    Args:
        structures: the columns that each was taken apart into.
        lists: in how many cells of each column there is one.
    """
    for name, parts in structures.items():
        log_once(
            f"{path.name}: column {name!r} holds structures, taken apart into "
            f"{', '.join(parts) or 'nothing, as they are empty'}: drop=… leaves some out",
            _log,
        )
    for name, count in lists.items():
        log_once(
            f"{path.name}: left out: {name} (lists in {count} cells): give each part a column to "
            "use them, or join their texts in one",
            _log,
        )
