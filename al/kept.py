"""What is kept on disk for later, where, and how it stays within its bounds.

Losing any of it costs time and nothing else.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
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
        ConfigError: it is not a number.
    """
    given = os.environ.get("AL_CACHE_GB", "10")
    try:
        limit = float(given)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < math.inf:
        raise ConfigError(f"AL_CACHE_GB={given!r} is not a size: give gigabytes, like 10")
    return int(limit * 1e9)


#: Of each that `trim` has measured: when it was used last by then, and its bytes.
_measured: dict[Path, tuple[float, int]] = {}


def trim(kept: Iterable[Path], limit: int, delete: Callable[[Path], bool]) -> int:
    """Delete what was used longest ago until the rest fits into `limit` bytes.

    There may be thousands, so a process measures each once, and again when it was used since.

    Args:
        kept: files or folders; when one was used is when it changed.
        delete: deletes one; False where it has to stay.

    Returns:
        The bytes that are left.
    """
    used = {path: used_at(path) for path in kept}
    for path, when in used.items():
        if path not in _measured or _measured[path][0] != when:
            _measured[path] = when, size_of(path)
    total = sum(_measured[path][1] for path in used)
    for path in sorted(used, key=used.__getitem__):
        if total <= limit:
            break
        total -= _measured.pop(path)[1] if delete(path) else 0
    return total


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = (
        [path]
        if path.is_file()
        else (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    )
    total = 0
    for file in files:
        with suppress(OSError):  # gone meanwhile
            total += os.stat(file).st_size
    return total


def used_at(path: Path) -> float:
    """When a file or folder was last used; 0 where it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0
