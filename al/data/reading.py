"""A user's own tables and texts as they stand in files: CSV, TSV or parquet."""

from __future__ import annotations

import io
import logging
import re
import warnings
from pathlib import Path

import pandas as pd

from al.errors import DataError, did_you_mean

_log = logging.getLogger(__name__)

SUFFIXES = (".csv", ".tsv", ".parquet")
_told: set[str] = set()


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a file; of a text file every cell is a text, "" where there is none.

    Raises:
        DataError: it is empty, no such file, or damaged; names the line where it can.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path} is no {', '.join(SUFFIXES)} file: save it as one")
    try:
        if not path.stat().st_size:
            raise DataError(f"{path} is empty: give a file with rows")
        parquet = path.suffix.lower() == ".parquet"
        frame = _parquet(path) if parquet else _delimited(path, read_text(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check it") from error
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    if twice := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise DataError(f"{path} has two columns {twice[0]!r}: rename one")
    if not len(frame):
        raise DataError(f"{path} has a header and no rows: give a file with rows")
    return frame


def read_text(path: Path) -> str:
    """A text file: UTF-8, UTF-16 where it says so, else Windows-1252, which is told.

    Raises:
        DataError: it is none of these, or no text; names the line.
    """
    content = path.read_bytes()
    if content.startswith((b"PAR1", b"PK\x03\x04", b"\x1f\x8b")):
        raise DataError(f"{path} is no text file, whatever its name says: save it as CSV")
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
        told = f"{path.name} line {line} is not UTF-8: the file is read as Windows-1252"
        if told not in _told:
            _told.add(told)
            _log.info(told)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{path} line {line} holds bytes that are no text: save it as CSV in UTF-8")
    if not text.strip():
        raise DataError(f"{path} is empty: give a file with rows")
    return text


def _delimited(path: Path, text: str) -> pd.DataFrame:
    head = text.lstrip().partition("\n")[0]
    separator = max("\t,;" if path.suffix.lower() == ".tsv" else ",;\t", key=head.count)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(text), sep=separator, dtype=str, keep_default_na=False,
                skipinitialspace=True, index_col=False,
            ).fillna("")  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found:
            raise DataError(
                f"{path} line {found[2]} has {found[3]} cells where the header has {found[1]}: "
                "mend it, or quote the cell that holds the separator"
            ) from None
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is no table ({reason}): mend it") from None


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except OSError:
        raise
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or no parquet ({reason}): restore it") from error


def column(frame: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """A column that has to be there.

    Raises:
        DataError: it is not; says what is near.
    """
    if name not in frame.columns:
        near = did_you_mean(name, [str(known) for known in frame.columns])
        raise DataError(f"{path} has no column {name!r}: {near}")
    return frame[name]


def mark(file: Path) -> tuple[int, int]:
    """What changes when a file does."""
    try:
        stat = file.stat()
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}): restore it") from error
    return stat.st_size, stat.st_mtime_ns
