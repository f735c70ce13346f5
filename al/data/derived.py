"""What the rows of a table come to, made once: in memory, and on disk by what the file holds.

To read a million rows as texts, numbers and digests takes longer than to train on them. What
came of that is found again by the digest of the whole file, so an edit is always found, and by
that of the code. Losing it costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al.data.delimited import log_once
from al.kept import cache_folder, cache_limit, trim
from al.sources import package_digest
from al.whole import whole_file

_log = logging.getLogger(__name__)

#: Rows from which on it pays to keep what they come to.
ROWS = 20_000


class Derived:
    """What the rows of one table come to, by name.

    Args:
        read_as: digest of the file that they were read from, and how; None for rows that are in
            memory alone.
    """

    def __init__(self, read_as: Sequence[str] | None = None) -> None:
        self._known: dict[str, Any] = {}
        self._folder: Path | None = None
        if read_as is not None:
            made_by = [*read_as, package_digest(), pd.__version__, np.__version__]
            digest = hashlib.sha256(json.dumps(made_by).encode())
            self._folder = cache_folder("tables") / digest.hexdigest()[:32]

    def array(self, name: str, made_of: Any, make: Callable[[], np.ndarray]) -> np.ndarray:
        """An array, which lies in a file where it is kept.

        Args:
            made_of: what it depends on beside the file, as JSON can say it.
        """
        found: np.ndarray = self._found(name, made_of, make, _load, np.save, "npy")
        return found

    def value(self, name: str, made_of: Any, make: Callable[[], Any]) -> Any:
        """What JSON can say."""
        return self._found(name, made_of, make, _read, _write, "json")

    def texts(self, name: str, made_of: Any, make: Callable[[], Sequence[str]]) -> list[str]:
        """Texts of ASCII."""
        key = self._key(f"{name} as a list", made_of)
        if key not in self._known:
            made: list[Sequence[str]] = []

            def make_array() -> np.ndarray:
                made.append(make())
                return np.array(made[0], dtype=bytes)

            if self._folder is None:
                self._known[key] = list(make())
            else:
                found = self.array(name, made_of, make_array)
                self._known[key] = list(made[0]) if made else found.astype(str).tolist()
        texts: list[str] = self._known[key]
        return texts

    def remembered(self, name: str, made_of: Any, make: Callable[[], Any]) -> Any:
        """Anything, kept in memory alone."""
        key = self._key(name, made_of)
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def _key(self, name: str, made_of: Any) -> str:
        text = json.dumps(made_of, sort_keys=True)
        return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def _found(
        self,
        name: str,
        made_of: Any,
        make: Callable[[], Any],
        load: Callable[[Path], Any],
        save: Callable[[Any, Any], None],
        suffix: str,
    ) -> Any:
        key = self._key(name, made_of)
        if key in self._known:
            return self._known[key]
        file = None if self._folder is None else self._folder / f"{key}.{suffix}"
        if file is not None:
            with suppress(OSError, ValueError, EOFError):  # not there, or damaged
                self._known[key] = load(file)
                with suppress(OSError):  # of somebody else, or read-only
                    os.utime(file.parent)  # used now: trimmed last
                return self._known[key]
        self._known[key] = made = make()
        if file is not None:
            self._keep(file, lambda into: save(into, made))
            if suffix == "npy":
                with suppress(OSError, ValueError):
                    self._known[key] = load(file)  # in the file rather than in memory
        return self._known[key]

    def _keep(self, file: Path, write: Callable[[Any], None]) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(file) as into:
                write(into)
            trim(file.parents[1].glob("*"), cache_limit(), lambda old: _delete(old, file.parent))
        except OSError as error:
            log_once(
                f"{file.parents[1]} cannot be written ({error.strerror or error}): what rows come "
                "to is not kept for later",
                _log,
            )


def _delete(folder: Path, used: Path) -> bool:
    if folder == used:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def _load(file: Path) -> np.ndarray:
    found: np.ndarray = np.load(file, mmap_mode="r")
    return found


def _read(file: Path) -> Any:
    return json.loads(file.read_bytes())


def _write(into: Any, value: Any) -> None:
    into.write(json.dumps(value).encode())
