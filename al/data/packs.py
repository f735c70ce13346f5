"""Arrays of one shape by the digest of what they were made of, in memory-mapped packs on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from al.data.images import digest
from al.errors import DataError
from al.kept import cache_limit, trim
from al.whole import whole_file


class Packs:
    """Rows by digest, on disk below `AL_CACHE_DIR`.

    A pack is an array of rows, written aside and renamed; the list of its digests comes after
    it, and makes it count. All data sets and processes share the packs.

    Args:
        folder: of packs of this shape and making; the limit holds for its parent.
        shape, dtype: of a row.
        what: rows are, for messages.

    Raises:
        DataError: the folder cannot be written.
    """

    def __init__(self, folder: Path, shape: Sequence[int], dtype: str, what: str) -> None:
        self.folder, self.shape, self.dtype, self._what = folder, tuple(shape), dtype, what
        self._packs: list[np.ndarray] = []
        self._names: set[str] = set()
        self._at: dict[str, tuple[int, int]] = {}  # digest → pack, row
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        self.recall()

    def recall(self) -> None:
        """Take over the packs that are whole and not known yet."""
        for listed in sorted(self.folder.glob("pack-*.txt")):
            if listed.stem in self._names:
                continue
            with suppress(OSError, ValueError):  # damaged, or trimmed just now
                pack = np.load(listed.with_suffix(".npy"), mmap_mode="r")
                digests = listed.read_text().split()
                if pack.shape == (len(digests), *self.shape) and pack.dtype == self.dtype:
                    self._names.add(listed.stem)
                    for row, name in enumerate(digests):
                        self._at.setdefault(name, (len(self._packs), row))
                    self._packs.append(pack)
                    os.utime(listed.with_suffix(".npy"))  # used now: trimmed last

    def __contains__(self, name: str) -> bool:
        return name in self._at

    def read(self, names: Sequence[str], part: slice = slice(None)) -> np.ndarray:
        """Some rows, [n, *shape], or a part of each along its first axis."""
        length = len(range(*part.indices(self.shape[0])))
        found = np.empty((len(names), length, *self.shape[1:]), self.dtype)
        for place, name in enumerate(names):
            pack, row = self._at[name]
            found[place] = self._packs[pack][row, part]
        return found

    def keep(self, rows: Mapping[str, np.ndarray]) -> None:
        """Write a pack of new rows.

        Raises:
            DataError: it cannot be written.
        """
        if not rows:
            return
        names = sorted(rows)
        pack = self.folder / f"pack-{digest(' '.join(names).encode())}.npy"
        try:
            with whole_file(pack) as file:
                np.save(file, np.stack([rows[name] for name in names]).astype(self.dtype))
            with whole_file(pack.with_suffix(".txt")) as file:
                file.write("".join(f"{name}\n" for name in names).encode())
        except OSError as error:
            raise self._unwritable(error) from error
        self.recall()

    def trim(self, used: set[str]) -> None:
        """Delete the packs used longest ago where all take more than their limit.

        Packs that hold one of the `used` digests stay, whatever they take.
        """
        needed = {self._at[name][0] for name in used if name in self._at}
        keep = {Path(str(self._packs[number].filename)).stem for number in needed}  # type: ignore[attr-defined]

        def delete(pack: Path) -> bool:
            if pack.stem in keep and pack.parent == self.folder:
                return False
            for file in (pack.with_suffix(".txt"), pack):
                file.unlink(missing_ok=True)
            return True

        trim(self.folder.parent.rglob("pack-*.npy"), cache_limit(), delete)

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(
            f"{self._what} cannot be written to {self.folder} ({error.strerror}): free space "
            "there, or set AL_CACHE_DIR to another folder"
        )
