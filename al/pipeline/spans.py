"""Spans of time as a user writes them."""

from __future__ import annotations

import re
from datetime import timedelta

from al.errors import ConfigError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: str, name: str) -> float:
    """A span of time in seconds.

    Raises:
        ConfigError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(text))
    if not found or not float(found[1]):
        raise ConfigError(f"{name}={text!r} is no span of time: give 30s, 10m, 8h or 2d")
    return timedelta(**{_UNITS[found[2]]: float(found[1])}).total_seconds()


def span_or_off(text: str, name: str) -> float | None:
    """The same; None where it is off.

    Raises:
        ConfigError: it is neither.
    """
    return None if text == "off" else span(text, name)
