"""Whether a file has changed since it was looked at last."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from functools import cached_property
from pathlib import Path

import pandas as pd

from al.data.own import OwnLoader
from al.data.reading import mark

#: Looks after which the whole file is read: what an edit of the same size and time changed.
WHOLE = 10


class Watched:
    """A file as it was when this was made: what is read of it afterwards is no older.

    Raises:
        DataError: it cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._mark = mark(file)
        self._looks = 0

    @cached_property
    def digest(self) -> str:
        """Identity of what it holds; 64 hexadecimal digits."""
        with self.file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    def touched(self) -> bool:
        """Whether size or time are others."""
        return mark(self.file) != self._mark

    def changed(self) -> bool:
        """Whether it is another: by size and time, and each `WHOLE` looks by all that it holds."""
        self._looks += 1
        if self.touched():
            return True
        known = self.digest
        return self._looks % WHOLE == 0 and Watched(self.file).digest != known


class OneFile(OwnLoader):
    """A Data Loader of one file, at which it looks again."""

    _file: Path
    _watched: Watched

    @abstractmethod
    def _read(self) -> pd.DataFrame:
        """The rows of the file."""

    @abstractmethod
    def retake(self, frame: pd.DataFrame) -> None:
        """Go on with these rows."""

    def refresh(self) -> None:
        """Take the file in again where it has changed."""
        if self._watched.changed():
            with self.looking_again():  # a file that cannot be used is read, and reported, again
                self._watched = Watched(self._file)
                self.retake(self._read())
