"""How people write numbers and dates: found out from the cells of a column, then read exactly."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd


class Notation(NamedTuple):
    """How the numbers of a column are written.

    Attributes:
        decimal: "." or ",".
        thousands: what stands between groups of three digits; "" for nothing.
        percent: each has a % behind it; 83% is read as 83.
    """

    decimal: str = "."
    thousands: str = ""
    percent: bool = False


PLAIN = Notation()
#: Space between thousands, as people and programs set it.
SPACES = " \u00a0\u2009\u202f"
_POINT = [Notation(".", ","), Notation(".", " "), Notation(".", "'")]
_COMMA = [Notation(","), Notation(",", "."), Notation(",", " "), Notation(",", "'")]
#: Notations in the order of trust where cells fit several, by the decimal mark of the file; ""
#: where nothing in the file tells it, and a comma is rather a decimal than a thousands mark.
_TRIED = {
    ".": [PLAIN, *_POINT, *_COMMA],
    ",": [*_COMMA, PLAIN, *_POINT],
    "": [PLAIN, *_COMMA, *_POINT],
}


def numbers(cells: pd.Series, notation: Notation) -> np.ndarray:
    """Texts as float64 [N], NaN where a cell is not a number in this notation."""
    if notation == PLAIN:
        return pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    codes, values = pd.factorize(cells.astype(object).where(cells.notna().to_numpy(), ""))
    pattern = _pattern(notation)
    read = np.array([_number(str(value), notation, pattern) for value in values], np.float64)
    return read[codes] if len(read) else np.empty(len(cells))


def notation_of(cells: pd.Series, prefer: str = ".") -> tuple[Notation, bool]:
    """How most of the cells are written, and whether no other notation reads as many.

    Args:
        cells: texts, none of them empty.
        prefer: decimal mark to read what can be read both ways by; "" where it is not known.
    """
    counts = cells.astype(str).value_counts()
    texts, weights = pd.Series(counts.index.astype(str)), counts.to_numpy()
    percent = bool(weights[texts.str.endswith("%").to_numpy()].sum() * 2 > weights.sum())
    found: dict[Notation, int] = {}
    for plain in _TRIED[prefer]:
        tried = plain._replace(percent=percent)
        found[tried] = int(weights[~np.isnan(numbers(texts, tried))].sum())
        if prefer != "," and tried == PLAIN and found[tried] == weights.sum():
            return PLAIN, True
    most = max(found.values())
    best = [notation for notation, count in found.items() if count == most]
    return best[0], len({notation.decimal for notation in best}) == 1


def decimal_of(frame: pd.DataFrame, separator: str) -> str:
    """The decimal mark that the cells of a file tell, as `notation_of` takes it.

    Args:
        separator: between cells; with a semicolon a comma is rather a decimal mark.
    """
    votes = {".": 0, ",": 0}
    for name in frame.columns:
        cells = frame[name][frame[name] != ""]
        if not cells.str.contains(r"\d[.,]\d", regex=True).any():
            continue
        notation, sure = notation_of(cells)
        if sure and np.isfinite(numbers(cells, notation)).mean() > 0.5:
            votes[notation.decimal] += 1
    if votes[","] != votes["."]:
        return max(votes, key=votes.__getitem__)
    return "" if separator == ";" else "."


def _pattern(notation: Notation) -> re.Pattern[str]:
    mark = re.escape(notation.decimal)
    whole = r"\d+"
    if notation.thousands:
        between = f"[{SPACES}]" if notation.thousands == " " else re.escape(notation.thousands)
        whole = rf"(?:\d{{1,3}}(?:{between}\d{{3}})+|\d+)"
    percent = rf"[{SPACES}]*%" if notation.percent else ""
    return re.compile(rf"([+-]?(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?){percent}")


def _number(text: str, notation: Notation, pattern: re.Pattern[str]) -> float:
    found = pattern.fullmatch(text.strip().replace("\u2212", "-"))
    if found is None:
        return float("nan")
    digits = found[1]
    for mark in SPACES if notation.thousands == " " else notation.thousands:
        digits = digits.replace(mark, "")
    return float(digits.replace(notation.decimal, "."))


# -- dates -------------------------------------------------------------------------------

_TIME = r"(?:[T ](\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
#: Order of the parts → what a date looks like. The data decide the order of day and month.
_DATES = {
    "ymd": re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})" + _TIME),
    "dmy": re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})" + _TIME),
    "mdy": re.compile(r"(\d{1,2})([-/])(\d{1,2})\2(\d{4})" + _TIME),
}


def order_of(cells: pd.Series) -> tuple[str, bool]:
    """The order of year, month and day in which most cells are dates; "" where most are none.

    And whether another order reads as many: 03/04/2020.
    """
    counts = cells.astype(str).value_counts()
    texts, weights = pd.Series(counts.index.astype(str)), counts.to_numpy()
    first = texts.iloc[:20]
    if not len(first) or not any(p.fullmatch(t.strip()) for t in first for p in _DATES.values()):
        return "", False
    found = {
        order: sum(
            int(weight)
            for text, weight in zip(texts, weights, strict=True)
            if not np.isnat(_date(text, order))
        )
        for order in _DATES
    }
    most = max(found.values())
    best = [order for order, count in found.items() if count == most]
    return (best[0] if 2 * most > weights.sum() else ""), len(best) > 1


def dates(cells: pd.Series, order: str) -> np.ndarray:
    """Texts as datetime64[s] [N], in UTC where they say a zone, NaT where a cell is not a date.

    What begins with the year is read in any case.
    """
    codes, values = pd.factorize(cells.astype(object).where(cells.notna().to_numpy(), ""))
    both = [(_date(str(value), order), _date(str(value), "ymd")) for value in values]
    read = np.array([one if not np.isnat(one) else other for one, other in both], "datetime64[s]")
    return read[codes] if len(read) else np.empty(len(cells), "datetime64[s]")


def _date(text: str, order: str) -> np.datetime64:
    found = _DATES[order].fullmatch(text.strip())
    if found is None:
        return np.datetime64("NaT", "s")
    part = dict(zip(order, (found[1], found[3], found[4]), strict=True))
    clock = ":".join((found[n] or "00").zfill(2) for n in (5, 6, 7))
    zone = re.search(r"(Z|[+-]\d\d:?\d\d)$", text.strip()) if found[5] else None
    written = f"{part['y']}-{part['m'].zfill(2)}-{part['d'].zfill(2)}T{clock}"
    try:
        moment = np.datetime64(written, "s")
    except ValueError:  # 31 February
        return np.datetime64("NaT", "s")
    if zone is not None and zone[1] != "Z":
        sign = -1 if zone[1][0] == "+" else 1
        digits = zone[1][1:].replace(":", "")
        moment += sign * np.timedelta64(int(digits[:2]) * 60 + int(digits[2:]), "m")
    return moment


def calendar(moments: np.ndarray, hours: bool) -> list[np.ndarray]:
    """Dates as what people mean by them, float64 [N] each: days since 1970, month, weekday, hour.

    All but the days are scaled to mean 0 and standard deviation 1 of a whole cycle.

    Args:
        moments: datetime64[s], no NaT.
        hours: whether the hour is there too.
    """
    seconds = moments.astype("datetime64[s]").astype(np.int64)
    days = seconds // 86_400
    month = moments.astype("datetime64[M]").astype(np.int64) % 12
    parts = [seconds / 86_400.0, _even(month, 12), _even((days + 3) % 7, 7)]
    return [*parts, _even(seconds // 3600 % 24, 24)] if hours else parts


def _even(values: np.ndarray, count: int) -> np.ndarray:
    """Whole numbers 0 to count - 1, scaled as if all came equally often."""
    return (values - (count - 1) / 2) / np.sqrt((count**2 - 1) / 12)
