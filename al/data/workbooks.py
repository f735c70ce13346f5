"""Tables in the sheets of workbooks: .xlsx and .ods."""

from __future__ import annotations

import logging
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pandas as pd

from al.data.delimited import log_once
from al.errors import ConfigError, DataError, did_you_mean

_log = logging.getLogger(__name__)

#: What reads them: pandas' name of it and the module that has to be there, by suffix.
ENGINES = {".xlsx": ("openpyxl", "openpyxl"), ".ods": ("odf", "odf")}


def workbook(path: Path, sheet: str) -> pd.DataFrame:
    """The rows of a sheet, every cell a text, "" if there is none; the first row is the header.

    Of a formula the value counts that was saved with it. Whole numbers have no decimals, dates
    are written 2024-12-31.

    Args:
        sheet: its name; auto is the first one.

    Raises:
        ConfigError: what reads it is not installed, or there is no such sheet.
        DataError: it is damaged.
    """
    engine, module = ENGINES[path.suffix.lower()]
    try:
        __import__(module)
    except ImportError:
        raise ConfigError(
            f"{path}: {module} is not installed, which reads {path.suffix} files: pip install "
            "'active-learning-pipeline[excel]', or save the sheet as CSV"
        ) from None
    try:
        with pd.ExcelFile(path, engine=engine) as book:  # type: ignore[arg-type]
            names = [str(name) for name in book.sheet_names]
            if sheet != "auto" and sheet not in names:
                raise ConfigError(f"{path} has no sheet {sheet!r}: {did_you_mean(sheet, names)}")
            name = names[0] if sheet == "auto" else sheet
            frame = book.parse(name, header=None, dtype=object, na_filter=False)
    except (OSError, ConfigError):
        raise
    except Exception as error:  # zipfile, XML and value errors of two libraries
        reason = " ".join(str(error).split())[:120]
        raise DataError(
            f"{path} is damaged or no {path.suffix} file ({reason}): restore it"
        ) from None
    if sheet == "auto" and len(names) > 1:
        others = ", ".join(repr(other) for other in names[1:4])
        log_once(
            f"{path.name}: sheet {name!r} is read, of {len(names)}: pass sheet=… for another "
            f"({others})",
            _log,
        )
    return _table(frame.map(_text), path)


def _table(cells: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Rows under a header, less rows and columns that are empty."""
    cells = cells.loc[(cells != "").any(axis=1), (cells != "").any(axis=0)]
    if not len(cells):
        raise DataError(f"{path} is empty: give a sheet with rows")
    header = [str(name).strip() for name in cells.iloc[0]]
    if "" in header:
        place = header.index("")
        cell = next(cell for cell in cells.iloc[1:, place] if cell != "")
        raise DataError(
            f"{path}: a column has no name, {cell[:40]!r} is in it: let the first row name "
            "the columns"
        )
    frame = cells.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)
    frame.attrs["separator"] = ""
    return frame


def _text(cell: Any) -> str:
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and cell != cell):
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    return str(cell).strip()
