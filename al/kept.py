"""What is kept on disk for later, where, and how a file comes there whole or not at all.

Losing any of it costs time and nothing else.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

from al.errors import ConfigError


def cache_folder(kind: str) -> Path:
    """Where things of a kind are kept: below `$AL_CACHE_DIR`, or the user's cache."""
    import pooch

    root = os.environ.get("AL_CACHE_DIR") or pooch.os_cache("active-learning-pipeline")
    return Path(root) / kind


def cache_limit() -> int:
    """Bytes that things of a kind may take: `$AL_CACHE_GB`, 10 by default.

    Raises:
        ConfigError: it is no number.
    """
    given = os.environ.get("AL_CACHE_GB", "10")
    try:
        limit = float(given)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < math.inf:
        raise ConfigError(f"AL_CACHE_GB={given!r} is no size: give gigabytes, like 10")
    return int(limit * 1e9)


def write_whole(path: Path, lines: Iterable[bytes]) -> None:
    """Write aside and rename, so that the file is whole or not there."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.writelines(lines)
    aside.replace(path)
