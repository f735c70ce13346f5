"""Spans of time as a user writes them."""

from __future__ import annotations

import re
from datetime import timedelta

from al.errors import ConfigError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def seconds_in(text: str) -> float | None:
    """A span of time in seconds; None where the text is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(text))
    return timedelta(**{_UNITS[found[2]]: float(found[1])}).total_seconds() if found else None


def span(text: str, name: str) -> float:
    """A span of time in seconds, more than none.

    Raises:
        ConfigError: it is none.
    """
    if not (seconds := seconds_in(text)):
        raise ConfigError(f"{name}={text!r} is not a span of time: give 30s, 10m, 8h or 2d")
    return seconds


def span_or_off(text: str, name: str) -> float | None:
    """Like `span`, but returns None for 'off'.

    Raises:
        ConfigError: it is neither.
    """
    return None if text == "off" else span(text, name)
