"""Options of the annotator as a user writes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from urllib.parse import urlsplit

from al.errors import ConfigError, did_you_mean


def address(given: str) -> str:
    """The server's address: the one that was given, `LABEL_STUDIO_URL`, or this machine's.

    Raises:
        ConfigError: it is none, or holds a password.
    """
    url = (given or os.environ.get("LABEL_STUDIO_URL") or "http://localhost:8080").rstrip("/")
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ConfigError("url holds a name or password: leave them out, tokens do their work")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ConfigError(
            f"url={url} is not an address of a server: give one like http://localhost:8080"
        )
    return url


def count(text: str) -> int:
    """How many people answer a sample.

    Raises:
        ConfigError: it is not such a number.
    """
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise ConfigError(f"overlap={text!r} is not a number of people: give 1 or more")
    return int(text)


def choice(name: str, value: str, known: Sequence[str]) -> str:
    """One of the values that an option may have.

    Raises:
        ConfigError: it is another.
    """
    if value not in known:
        raise ConfigError(f"{name}={value}: {did_you_mean(value, known)}")
    return value
