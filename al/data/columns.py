"""Rows of numbers and categories as numbers: scaled, one-hot, with what is missing marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from al.errors import DataError

#: Cells that say that there is nothing.
MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
#: Most values of a category that have a column of their own; the others share none.
VALUES = 50


def missing(column: pd.Series) -> np.ndarray:
    """Which cells of a column hold nothing, [N]."""
    gone = column.isna().to_numpy()
    if column.dtype.kind in "OUT" or isinstance(column.dtype, pd.StringDtype):
        gone = gone | column.astype(str).str.strip().str.lower().isin(MISSING).to_numpy()
    return np.asarray(gone)


def as_numbers(column: pd.Series) -> np.ndarray | None:
    """A column as float64 with NaN where nothing is, [N]; None where some cells are no numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind == "b":
        return None
    if column.dtype.kind == "M":  # dates, in days
        days = column.to_numpy(dtype="datetime64[ns]").astype(np.int64) / 86_400e9
        return np.where(column.isna().to_numpy(), np.nan, days)
    gone = missing(column)
    numbers = pd.to_numeric(column.mask(gone), errors="coerce").to_numpy(dtype=np.float64)
    return None if np.isnan(numbers[~gone]).any() else numbers


def as_texts(column: pd.Series) -> pd.Series:
    """A column as texts without space around them."""
    return column.astype(object).astype(str).str.strip()


def learned(frame: pd.DataFrame) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """How each column becomes numbers, as JSON, and why columns are left out, by name."""
    kept: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    for name in frame.columns:
        column = frame[name]
        gone = missing(column)
        numbers = as_numbers(column)
        made: dict[str, Any] = {"name": str(name), "gaps": bool(gone.any())}
        if gone.all():
            left_out[str(name)] = "empty"
            continue
        if numbers is not None:
            known = numbers[~gone & np.isfinite(numbers)]
            mean, std = (float(known.mean()), float(known.std())) if known.size else (0.0, 0.0)
            if std == 0.0 and not made["gaps"]:
                left_out[str(name)] = "always the same"
                continue
            made |= {"kind": "number", "mean": mean, "std": std or 1.0}
        else:
            counts = as_texts(column)[~gone].value_counts()
            if len(counts) == 1 and not made["gaps"]:
                left_out[str(name)] = "always the same"
                continue
            if len(counts) > VALUES and 2 * len(counts) > counts.sum():
                left_out[str(name)] = "nearly always different"
                continue
            order = sorted(counts.index, key=lambda value: (-counts[value], value))
            made |= {"kind": "category", "values": order[:VALUES]}
        kept.append(made)
    return kept, left_out


def width(columns: Iterable[Mapping[str, Any]]) -> int:
    """Numbers that a row becomes, F."""
    return sum(
        (1 if column["kind"] == "number" else len(column["values"])) + column["gaps"]
        for column in columns
    )


def encoded(
    frame: pd.DataFrame,
    columns: Iterable[Mapping[str, Any]],
    place: Callable[[int], str] = lambda row: f"row {row + 1}",
) -> np.ndarray:
    """Rows as float32 [N, F], as `learned` found it.

    A number is scaled by mean and standard deviation, 0 where it is missing; a category has a
    column for each value it had, all 0 where it is missing or new. Where something was missing
    at first, a last column says whether it is.

    Args:
        place: where a row stands, for messages.

    Raises:
        DataError: a number is infinite, or none.
    """
    parts = []
    for made in columns:
        name = made["name"]
        column = frame[name] if name in frame.columns else pd.Series([""] * len(frame))
        gone = missing(column)
        if made["kind"] == "number":
            numbers = as_numbers(column)
            if numbers is None:
                cells = column.mask(gone)
                wrong = ~gone & pd.to_numeric(cells, errors="coerce").isna().to_numpy()
                row = int(np.flatnonzero(wrong)[0]) if wrong.any() else 0
                raise DataError(
                    f"{place(row)}: column {name!r} holds {str(column.iloc[row])[:40]!r}, which is "
                    "no number: mend it, or leave it empty"
                )
            check_finite(numbers, name, place)
            scaled = (numbers - made["mean"]) / made["std"]
            parts.append(np.where(gone, 0.0, scaled)[:, None])
        else:
            codes = pd.Categorical(as_texts(column), categories=made["values"]).codes
            rows = np.flatnonzero((codes >= 0) & ~gone)
            hot = np.zeros((len(frame), len(made["values"])), np.float32)
            hot[rows, codes[rows]] = 1.0
            parts.append(hot)
        if made["gaps"]:
            parts.append(gone[:, None])
    if not parts:
        return np.empty((len(frame), 0), np.float32)
    return np.concatenate(parts, axis=1).astype(np.float32)


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
