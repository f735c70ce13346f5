"""A user's own tables and texts as they stand in files: CSV, TSV, JSON lines, parquet, sheets."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from al.contracts import Label
from al.data.delimited import delimited, log_once, read_text
from al.data.json_lines import json_lines
from al.data.nested import tell_nested
from al.data.workbooks import ENGINES, workbook
from al.errors import ConfigError, DataError, did_you_mean
from al.kinds import Trait, kind_named

__all__ = [
    "UNASKED", "Asked", "column", "mark", "names_in", "read_table", "read_text", "with_target",
]  # fmt: skip

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".csv.gz", ".tsv.gz", *ENGINES)
_log = logging.getLogger(__name__)

#: What may part several labels, by its name in the parameter `label_separator`.
SIGNS = {"pipe": "|", "comma": ",", "semicolon": ";", "space": " "}


@dataclass(frozen=True)
class Asked:
    """What a user says of how a file is to be read; see the parameters of these names."""

    kind: str = "auto"
    features: str = "none"
    drop: str = "none"
    missing_labels: str = "none"
    separator: str = "auto"
    decimal: str = "auto"
    sheet: str = "auto"
    label_separator: str = "none"
    classes: tuple[str, ...] = ()

    @property
    def like(self) -> Label | None:
        """What labels are where there is none yet, as it was declared; None where it was not."""
        if self.as_number:
            return 0.0
        return ([] if self.sign else "") if self.classes else None

    @property
    def sign(self) -> str:
        """What parts several labels in a cell of the target; "" where it holds one."""
        return SIGNS.get(self.label_separator, "")

    @property
    def as_number(self) -> bool | None:
        """Whether the target was declared to be a number; None where nothing was declared."""
        if self.label_separator in SIGNS:
            return False
        wanted = self.kind
        return None if wanted == "auto" else Trait.NORMAL in kind_named(wanted).traits

    @property
    def marks(self) -> frozenset[str]:
        """Texts in the target that stand for no label."""
        return frozenset(names_in(self.missing_labels))


#: Where the user says nothing.
UNASKED = Asked()


def names_in(text: str) -> list[str]:
    """Names separated by commas; one that holds a comma stands in double quotes."""
    if text in ("", "none"):
        return []
    return [
        name.strip() for name in next(csv.reader([text], skipinitialspace=True)) if name.strip()
    ]


def with_target(frame: pd.DataFrame, name: str, path: Path, asked: Asked) -> pd.DataFrame:
    """A table with a column of labels; an empty one where it has none and it is declared what
    labels are.

    Raises:
        DataError: it has none, and nothing is declared.
    """
    if name not in frame.columns and asked.like is not None:
        log_once(f"{path.name} has no column {name!r}: no row has a label yet", _log)
        return frame.assign(**{name: None})
    column(frame, name, path)
    return frame


def read_table(path: Path, separator: str = "auto", sheet: str = "auto") -> pd.DataFrame:
    """The rows of a file; of a text file or a sheet every cell is a text, "" if there is none.

    `attrs["separator"]` says what stands between the cells; "" where nothing does.

    Args:
        separator: a name of `al.data.delimited.SEPARATORS`, or auto to find it out.
        sheet: of a workbook; auto is the first one.

    Raises:
        DataError: it is empty, no such file, or damaged; names the line where it can.
    """
    name = path.name.lower()
    if sheet != "auto" and not name.endswith(tuple(ENGINES)):
        raise ConfigError(f"sheet={sheet}: {path.name} has no sheets: leave it out")
    if not name.endswith(SUFFIXES):
        raise DataError(f"{path} is not a {', '.join(SUFFIXES)} file: save it as one")
    try:
        if not path.stat().st_size:
            raise DataError(f"{path} is empty: give a file with rows")
        if name.endswith(".parquet"):
            frame = _parquet(path)
        elif name.endswith(".jsonl"):
            frame = json_lines(path, read_text(path))
        elif name.endswith(tuple(ENGINES)):
            frame = workbook(path, sheet)
        else:
            frame = delimited(path, read_text(path), separator)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check it") from error
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    if twice := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise DataError(f"{path} has two columns {twice[0]!r}: rename one")
    if not len(frame):
        raise DataError(f"{path} has a header and no rows: give a file with rows")
    return frame


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        apart = [field.name for field in table.schema if pa.types.is_struct(field.type)]
        while any(pa.types.is_struct(field.type) for field in table.schema):
            table = table.flatten()
        names = table.column_names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"{path} has two columns {twice[0]!r}: rename one")
        nested = {
            field.name: len(table) - table.column(field.name).null_count
            for field in table.schema
            if pa.types.is_nested(field.type)
        }
        frame = table.drop_columns(list(nested)).to_pandas()
    except (OSError, DataError):
        raise
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or no parquet ({reason}): restore it") from error
    for name in frame.columns:  # whole numbers beside gaps become floats, which hold 53 bits
        found = table.schema.get_field_index(str(name))
        whole = found >= 0 and pa.types.is_integer(table.schema.field(found).type)
        if whole and frame[name].dtype.kind == "f" and (frame[name].abs() >= 2**53).any():
            frame[name] = table.column(found).to_pandas(types_mapper=lambda _: pd.Int64Dtype())
    tell_nested(path, {n: [p for p in names if p.startswith(f"{n}.")] for n in apart}, nested)
    if not isinstance(frame.index, pd.RangeIndex):
        names = [str(name) for name in frame.index.names if name is not None]
        log_once(f"{path.name}: left out: the index{' ' if names else ''}{', '.join(names)}: "
                  "reset_index() before it is saved makes columns of it", _log)  # fmt: skip
        frame = frame.reset_index(drop=True)
    frame.attrs["separator"] = ""
    return frame


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
