"""Where a user's own data lies."""

from __future__ import annotations

import os
from pathlib import Path

from al.errors import DataError


def find(text: str, *, folder: bool, name: str = "data") -> Path:
    """The folder or file that a parameter names: from here, or below `AL_DATA_DIR`.

    So one relative path serves on every machine that has the data.

    Raises:
        DataError: nothing is there, or it is of the other kind.
    """
    if not text.strip():
        raise DataError(f"{name} is empty: give a path")
    what, other = ("folder", "file") if folder else ("file", "folder")
    roots = [Path.cwd(), *([Path(r)] if (r := os.environ.get("AL_DATA_DIR")) else [])]
    places = [Path(os.path.normpath(root / Path(text).expanduser())) for root in roots]
    places = list(dict.fromkeys(places))
    for path in places:
        if path.is_dir() if folder else path.is_file():
            return path
    if any(path.exists() for path in places):
        raise DataError(f"{name}={text} is a {other}: give a {what}")
    tried = " nor ".join(str(path) for path in places)
    raise DataError(f"{name}={text}: there is no {what} {tried}: check the path")
