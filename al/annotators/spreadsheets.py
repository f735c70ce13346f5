"""Tables that have been through a spreadsheet, read for what they mean.

Excel, LibreOffice and their like save a table with another delimiter, encoding and line end
than they found, drop and add quotes, move columns, and turn what looks like a number into
one: "007" comes back as "7", "3" as "3.0" or "3,0".
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al.contracts import Label
from al.errors import DataError, LabelError, did_you_mean
from al.kinds import Kind

_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Row:
    """A row that is not empty.

    Attributes:
        number: as the spreadsheet shows it; the header is row 1.
        cells: text by name of the column, in small letters.
    """

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        decimal_comma: commas in numbers are decimal points, as the delimiter is none.
    """

    rows: tuple[Row, ...]
    decimal_comma: bool


def read_sheet(path: Path, needed: Iterable[str]) -> Sheet:
    """The table in a file, whatever program saved it.

    Args:
        needed: names of columns that have to be there; others may.

    Raises:
        DataError: the file cannot be read, or is not such a table.
    """
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): close it elsewhere") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    if text[:4].lower() == "sep=":  # a line for Excel alone, which does not show it
        text = text.partition("\n")[2]
    csv.field_size_limit(2**27)  # a sample may be a long text
    wanted = set(needed)
    for delimiter in _DELIMITERS:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            names = [name.strip().casefold() for name in next(lines, [])]
            if not wanted <= set(names):
                continue
            if twice := sorted(name for name in wanted if names.count(name) > 1):
                raise DataError(f"{path} has two columns {twice[0]!r}: remove one")
            rows = tuple(
                Row(number, dict(zip(names, cells, strict=False)))
                for number, cells in enumerate(lines, start=2)
                if any(cell.strip() for cell in cells)
            )
        except csv.Error as error:
            raise DataError(f"{path} is not a table ({error}): save it as CSV") from error
        return Sheet(rows, decimal_comma=delimiter != ",")
    first = text.partition("\n")[0][:80]
    raise DataError(
        f"{path} has no columns {' and '.join(sorted(wanted))} (its first row is {first!r}): "
        "put the header back, and save it as CSV"
    )


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")  # Excel's "CSV" on Windows


def same(text: str, known: Iterable[str]) -> str | None:
    """The one of the known texts that a cell means; None where that is not clear.

    The same letters count first, then the same in small and capital letters, then the same
    number.
    """
    word, names = text.strip().removeprefix("'"), list(known)
    if text in names:
        return text
    keys: list[Callable[[str], object]] = [str.strip, str.casefold, _as_number]
    for key in keys:
        found = [name for name in names if key(name) == key(word)]
        if len(found) == 1 and key(word) is not None:
            return found[0]
    return None


def _as_number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class LabelCells:
    """Labels as people write them into a cell.

    Args:
        kind: of problem, whose labels can be typed.
        separator: between the classes of a sample that may have several.
        nothing: the cell text that means "none of them".

    Attributes:
        grows: a text that is not a class is the name of a new one.
    """

    grows = False

    def __init__(self, kind: Kind, separator: str = "|", nothing: str = "none") -> None:
        self.kind = kind
        self.classes = kind.spec.classes
        self.separator = separator
        self.nothing = nothing
        self._known: dict[str, str] = {}

    def label(self, text: str, *, decimal_comma: bool) -> Label:
        """The label that a cell says.

        Raises:
            LabelError: it says none.
        """
        return self.kind.from_form(self._value(text, decimal_comma=decimal_comma))

    def _value(self, text: str, *, decimal_comma: bool) -> Any:
        if self.kind.form == "value":
            return _number(text, decimal_comma=decimal_comma)
        if self.kind.form == "choice":
            return self._class(text)
        if self.kind.form == "spans":
            return self._spans(text)
        if text.strip().casefold() == self.nothing.casefold():
            return []
        parts = [part for part in text.split(self.separator) if part.strip()]
        return [self._class(part) for part in parts]

    def _spans(self, text: str) -> Label:
        try:
            found = self.kind.from_form(json.loads(text))
            return self.kind.renamed(found, lambda name: same(str(name), self.classes) or name)
        except (TypeError, ValueError, RecursionError):
            example = '[{"start": 0, "end": 4, "label": CLASS}, …]'
            raise LabelError(f"{text[:40]!r} is not a list of entities: write {example}") from None

    def _class(self, text: str) -> str:
        if text not in self._known:
            found = same(text, self.classes)
            if found is None and self.grows and text.strip():
                return text.strip().removeprefix("'")
            if found is None:
                fix = did_you_mean(text.strip(), self.classes)
                if len(self.classes) > 20 and not fix.startswith("did"):
                    fix = "write one of the task's classes"
                raise LabelError(f"{text!r} is not a class: {fix}")
            self._known[text] = found
        return self._known[text]


def _number(text: str, *, decimal_comma: bool) -> float:
    plain = text.strip().replace("\u00a0", "")
    if decimal_comma and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        raise LabelError(f"{text!r} is not a number: write it like 1234.5") from None
