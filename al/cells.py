"""Tables for people: no cell of them is a formula to a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import pandas as pd


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula; no two texts become one."""
    risky = text.lstrip("'").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    return f"'{text}" if risky else text


def save_table(frame: pd.DataFrame, path: Path | TextIO) -> None:
    """A table as CSV, its texts safe, those in the header too; numbers are as they are."""

    def safe(value: Any) -> Any:
        return safe_cell(value) if isinstance(value, str) else value

    frame = frame.map(safe).rename(columns=safe)
    frame.to_csv(path, index=False)
