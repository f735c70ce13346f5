"""Rows of numbers, dates and categories as numbers: scaled, one-hot, with gaps marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from al.data.notations import (
    PLAIN,
    Notation,
    calendar,
    dates,
    notation_of,
    numbers,
    order_of,
)
from al.errors import DataError

#: Cells of features that say that there is nothing.
MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
#: Most values of a category that have a column of their own, and columns that the others share,
#: each by the hash of its text; a campaign that began before there were such goes on without.
VALUES, HASHED = 50, 32
#: Share of cells from which on a column is of numbers or dates and the other cells are gaps; from
#: MOST on where there are more than FEW numbers, as a few can be categories without loss.
SURE, MOST, FEW = 0.95, 0.5, 20


def missing(column: pd.Series, marks: frozenset[str] = MISSING) -> np.ndarray:
    """Which cells of a column hold nothing, [N].

    Args:
        marks: texts that say so, in small letters.
    """
    gone = column.isna().to_numpy()
    if column.dtype.kind in "OUT" or isinstance(column.dtype, pd.StringDtype):
        gone = gone | column.astype(str).str.strip().str.lower().isin(marks).to_numpy()
    return np.asarray(gone)


def as_numbers(
    column: pd.Series, notation: Notation = PLAIN, marks: frozenset[str] = MISSING
) -> np.ndarray | None:
    """A column as float64 with NaN where nothing is, [N]; None where some cells are not numbers."""
    gone = missing(column, marks)
    found = read_numbers(column, notation, gone)
    return None if found is None or np.isnan(found[~gone]).any() else found


def read_numbers(column: pd.Series, notation: Notation, gone: np.ndarray) -> np.ndarray | None:
    """A column as float64 with NaN where no number is, [N]; None where it is of another type."""
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind == "b":
        return None
    if column.dtype.kind == "M":  # dates, in days
        days = _moments(column, "ymd").astype("datetime64[ns]").astype(np.int64) / 86_400e9
        return np.where(gone, np.nan, days)
    if column.dtype.kind == "m":  # spans of time, in days
        days = column.to_numpy(dtype="timedelta64[ns]").astype(np.int64) / 86_400e9
        return np.where(gone, np.nan, days)
    if column.dtype.kind in "iuf":
        return np.where(gone, np.nan, numbers(column.mask(gone), notation))
    codes, texts = pd.factorize(as_texts(column).mask(gone))  # each text is read once
    found = np.append(numbers(pd.Series(texts, dtype="str"), notation), np.nan)
    return np.where(gone, np.nan, found[codes])


def as_texts(column: pd.Series) -> pd.Series:
    """A column as texts without space around them."""
    if column.dtype == "str":  # as it came from a file: nothing to turn into texts
        return column.str.strip()
    return column.astype(object).astype(str).str.strip()


def exact_texts(column: pd.Series) -> pd.Series:
    """A column as texts, with whole numbers as people write them: 1234569 of 1234569.0."""
    texts = as_texts(column)
    if column.dtype.kind != "f":
        return texts
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    whole = np.isfinite(values) & (values == np.round(values))
    texts[whole] = [str(int(value)) for value in values[whole]]
    return texts


def _moments(column: pd.Series, order: str) -> np.ndarray:
    """A column as datetime64[s] in UTC, NaT where no date is, [N]."""
    if column.dtype.kind == "M":
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return column.to_numpy(dtype="datetime64[s]")
    return dates(as_texts(column), order)


def learned(
    frame: pd.DataFrame, prefer: str = ".", keep: frozenset[str] = frozenset()
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """How each column becomes numbers, as JSON, and why columns are left out, by name.

    Args:
        prefer: the decimal mark, as `al.data.notations.notation_of` takes it.
        keep: columns that are not left out for being nearly always different.
    """
    kept: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    for name in frame.columns:
        gone = missing(frame[name])
        if gone.all():
            left_out[str(name)] = "empty"
            continue
        made, why = _made(frame[name], gone, prefer, keep=str(name) in keep)
        if why:
            left_out[str(name)] = why
        else:
            kept.append({"name": str(name), **made})
    return kept, left_out


def _made(
    column: pd.Series, gone: np.ndarray, prefer: str, *, keep: bool
) -> tuple[dict[str, Any], str]:
    """How one column becomes numbers, or why it is left out."""
    typed = column.dtype.kind in "iufmM"
    cells = as_texts(column)[~gone]
    order, _ = ("ymd", False) if column.dtype.kind == "M" else ("", False)
    if not typed:
        order, _ = order_of(cells)
    if order:
        moments = _moments(column, order)
        known = moments[~np.isnat(moments) & ~gone]
        if typed or len(known) >= SURE * len(cells):
            gaps = bool(len(known) < len(column))
            days = known.astype(np.int64) / 86_400.0
            if np.ptp(days) == 0 and not gaps:
                return {}, "always the same"
            hours = bool((known.astype(np.int64) % 86_400).any())
            return {"gaps": gaps, "kind": "date", "order": order, "hours": hours,
                    "mean": float(days.mean()), "std": float(days.std()) or 1.0}, ""  # fmt: skip
    notation = PLAIN if typed else notation_of(cells, prefer)[0]
    found = read_numbers(column, notation, gone)
    read = np.zeros(0) if found is None else found[~gone & ~np.isnan(found)]
    many = len(read) > MOST * len(cells) and len(np.unique(read)) > FEW
    if found is not None and (many or len(read) >= SURE * len(cells)):
        known = read[np.isfinite(read)]
        gaps = bool(len(read) < len(column))
        mean, std = (float(known.mean()), float(known.std())) if known.size else (0.0, 0.0)
        if std == 0.0 and not gaps:
            return {}, "always the same"
        made = {"gaps": gaps, "kind": "number", "mean": mean, "std": std or 1.0}
        return made | ({} if notation == PLAIN else {"written": list(notation)}), ""
    counts = cells.value_counts()
    if len(counts) == 1 and not gone.any():
        return {}, "always the same"
    if len(counts) > VALUES and 2 * len(counts) > counts.sum() and not keep:
        return {}, "texts that are nearly always different"
    values = sorted(counts.index, key=lambda value: (-counts[value], value))[:VALUES]
    made = {"gaps": bool(gone.any()), "kind": "category", "values": values}
    return made | ({"hashed": HASHED} if len(counts) > VALUES else {}), ""


def parts_of(made: Mapping[str, Any]) -> int:
    """Numbers that a column becomes."""
    own = {"number": 1, "date": 3 + made.get("hours", False)}
    values = len(made.get("values", ())) + made.get("hashed", 0)
    return int((own.get(made["kind"]) or values) + made["gaps"])


def width(columns: Iterable[Mapping[str, Any]]) -> int:
    """Numbers that a row becomes, F."""
    return sum(parts_of(made) for made in columns)


def encoded(
    frame: pd.DataFrame,
    columns: Iterable[Mapping[str, Any]],
    place: Callable[[int], str] = lambda row: f"row {row + 1}",
) -> np.ndarray:
    """Rows as float32 [N, F], as `learned` found it.

    A number is scaled by mean and standard deviation, 0 where it is missing or none; a date is
    days, scaled, and month, weekday and hour; a category has a column for each of its commonest
    values, and where it has more, some that the others and new ones share by their hash; all are
    0 where it is missing. Where something was missing at first, a last column says
    whether it is. What could not be read `al.data.oddities.unread` says.

    Args:
        place: where a row stands, for messages.

    Raises:
        DataError: a number is infinite.
    """
    parts = []
    for made in columns:
        name = made["name"]
        column = frame[name] if name in frame.columns else pd.Series([""] * len(frame))
        gone = missing(column)
        if made["kind"] == "category":
            parts.append(_one_hot(column, made["values"], gone))
            if "hashed" in made:
                parts.append(_hashed(column, others(column, made, gone), made["hashed"]))
        else:
            read, gone = values_of(column, made)
            check_finite(read[0], name, place)
            scaled = (read[0] - made["mean"]) / made["std"]
            parts += [np.where(gone, 0.0, part)[:, None] for part in (scaled, *read[1:])]
        if made["gaps"]:
            parts.append(gone[:, None])
    if not parts:
        return np.empty((len(frame), 0), np.float32)
    return np.concatenate(parts, axis=1).astype(np.float32)


def values_of(column: pd.Series, made: Mapping[str, Any]) -> tuple[list[np.ndarray], np.ndarray]:
    """What a column of numbers or dates says, [N] each, and which cells say nothing, [N]."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    elif column.dtype.kind == "b":
        column = column.astype("Float64").astype(np.float64)
    gone = missing(column)
    if made["kind"] == "date":
        moments = _moments(column.mask(gone), made["order"])
        gone = np.isnat(moments)
        return calendar(np.where(gone, np.datetime64(0, "s"), moments), made["hours"]), gone
    found = read_numbers(column, Notation(*made.get("written", PLAIN)), gone)
    found = np.full(len(column), np.nan) if found is None else found
    return [found], np.isnan(found)


def codes_of(column: pd.Series, values: list[str]) -> np.ndarray:
    """Which of the values each cell is, -1 for none, [N]; TRUE and True are the same."""
    texts = exact_texts(column)
    codes = np.array(pd.Categorical(texts, categories=values).codes, np.int64)
    truths = {value.lower(): place for place, value in enumerate(values)
              if value.lower() in ("true", "false")}  # fmt: skip
    for row in np.flatnonzero(codes < 0) if truths else ():
        codes[row] = truths.get(texts.iloc[row].lower(), -1)
    return codes


def _one_hot(column: pd.Series, values: list[str], gone: np.ndarray) -> np.ndarray:
    codes = codes_of(column, values)
    rows = np.flatnonzero((codes >= 0) & ~gone)
    hot = np.zeros((len(column), len(values)), np.float32)
    hot[rows, codes[rows]] = 1.0
    return hot


def others(column: pd.Series, made: Mapping[str, Any], gone: np.ndarray) -> np.ndarray:
    """Rows of a category whose value has no column of its own."""
    return np.flatnonzero((codes_of(column, made["values"]) < 0) & ~gone)


def _hashed(column: pd.Series, rows: np.ndarray, count: int) -> np.ndarray:
    """1 in the column of each text's hash, in some rows; [N, count].

    Weinberger et al. (2009), Feature hashing for large scale multitask learning; without signs,
    as a row holds one text.
    """
    from sklearn.feature_extraction import FeatureHasher

    hot = np.zeros((len(column), count), np.float32)
    if len(rows):
        hashing = FeatureHasher(count, input_type="string", alternate_sign=False)
        texts = exact_texts(column.iloc[rows])
        hot[rows] = hashing.transform([text] for text in texts).toarray()
    return hot


def check_finite(numbers: np.ndarray, name: str, place: Callable[[int], str]) -> None:
    """Refuse infinite numbers.

    Raises:
        DataError: names the first row.
    """
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        raise DataError(
            f"{place(int(infinite[0]))}: column {name!r} is infinite: mend it, or leave it empty"
        )
