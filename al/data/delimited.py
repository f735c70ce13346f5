"""Tables in text files: their encoding, what parts the cells, their header."""

from __future__ import annotations

import csv
import gzip
import io
import logging
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from al.errors import DataError

_log = logging.getLogger(__name__)

#: What may part cells, by its name in the parameter `separator`.
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
#: Rows that are looked at to find out which.
LOOKED_AT = 50
#: Lines that are named.
LINES = 5
_logged: set[str] = set()


def log_once(line: str, log: logging.Logger = _log) -> None:
    """Log a line once in a process: files are read anew in each cycle."""
    if line not in _logged:
        _logged.add(line)
        log.info(line)


def read_text(path: Path) -> str:
    """A text file: UTF-8, UTF-16 by its byte-order mark, else Windows-1252, which is logged.

    Raises:
        DataError: it is not one of these, or not text; names the line.
    """
    content = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} is damaged or no gzip file ({error}): restore it") from None
    if content.startswith((b"PAR1", b"PK\x03\x04", b"\x1f\x8b")):
        raise DataError(f"{path} is not a text file, despite its name: save it as CSV")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError as other:
            line = content[: other.start].count(b"\n") + 1
            raise DataError(
                f"{path} line {line} is neither UTF-8 nor Windows-1252: save the file as UTF-8"
            ) from None
        log_once(f"{path.name} line {line} is not UTF-8: the file is read as Windows-1252")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(
            f"{path} line {line} holds bytes that are not text: save it as CSV in UTF-8"
        )
    if not text.strip():
        raise DataError(f"{path} is empty: give a file with rows")
    return text


def delimited(path: Path, text: str, separator: str) -> pd.DataFrame:
    """The rows of a text, every cell a text, "" if there is none.

    Raises:
        DataError: a row has more cells than the header, or two columns have one name.
    """
    found = SEPARATORS.get(separator) or _separator(path, text)
    name = next(name for name, mark in SEPARATORS.items() if mark == found)
    usual = "tab" if ".tsv" in path.suffixes else "comma"
    if separator == "auto" and name != usual:
        log_once(f"{path.name}: cells are separated by {name}s: pass separator=… if that is wrong")
    header = next(_rows(text, found, 1), [])
    counts = Counter(cell.strip() for cell in header)
    if twice := [cell for cell, count in counts.items() if cell and count > 1]:
        raise DataError(f"{path} has {counts[twice[0]]} columns {twice[0]!r}: rename one")
    _check_lengths(path, text, found)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text), sep=found, dtype=str, keep_default_na=False,
                skipinitialspace=True, index_col=False,
            ).fillna("")  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        wrong = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if wrong:
            raise DataError(
                f"{path} line {wrong[2]} has {wrong[3]} cells where the header has {wrong[1]}: "
                "mend it, or quote the cell that holds the separator"
            ) from None
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is not a table ({reason}): mend it") from None
    frame.attrs["separator"] = found
    return frame


def _check_lengths(path: Path, text: str, separator: str) -> None:
    """Tell of rows that have fewer cells than the header.

    Raises:
        DataError: rows have more; says how many and the first one's line.
    """
    blank = len(text) - len(text.lstrip("\r\n"))
    start = text[:blank].count("\n") + 1  # line of the row that is read next
    rows = csv.reader(io.StringIO(text[blank:], newline=""), delimiter=separator,
                      skipinitialspace=True)  # fmt: skip
    width, short, long = 0, list[tuple[int, int]](), list[tuple[int, int]]()
    line = start
    try:
        for row in rows:
            width = width or len(row)
            if row and len(row) != width:
                (short if len(row) < width else long).append((line, len(row)))
            line = start + rows.line_num
    except csv.Error:  # what is wrong with it pandas tells better
        return
    if long:
        count, (line, cells) = len(long), long[0]
        more = f", and so {count - 1} rows more" if count > 1 else ""
        raise DataError(
            f"{path} line {line} has {cells} cells where the header has {width}{more}: mend it, "
            "or quote the cell that holds the separator"
        )
    if short:
        lines = ", ".join(str(line) for line, _ in short[:LINES])
        more = f" and {len(short) - LINES} more" if len(short) > LINES else ""
        log_once(
            f"{path.name}: {len(short)} rows have fewer cells than the header (line {lines}"
            f"{more}): the cells that they lack count as empty; mend them if they are not"
        )


def _separator(path: Path, text: str) -> str:
    """What parts the cells: it gives most rows as many cells as the header, and the most cells.

    Where none parts the header the usual one of the file's suffix.
    """
    usual = "\t" if ".tsv" in path.suffixes else ","
    best, most = usual, (0.0, 0)
    for mark in dict.fromkeys((usual, *SEPARATORS.values())):
        rows = [row for row in _rows(text, mark, LOOKED_AT) if row]
        if rows and len(rows[0]) > 1:
            alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
            if (alike, len(rows[0])) > most:
                best, most = mark, (alike, len(rows[0]))
    return best


def _rows(text: str, separator: str, count: int) -> Iterator[list[str]]:
    """The first rows; none that `csv` refuses, as what is wrong with it pandas tells better."""
    lines = io.StringIO(text.lstrip("\r\n"), newline="")
    return islice(_readable(csv.reader(lines, delimiter=separator, skipinitialspace=True)), count)


def _readable(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error:
        return
