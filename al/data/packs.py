"""Decoded images, each decoded once and kept in memory-mapped packs."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from al.data.images import decode, digest
from al.errors import ConfigError, DataError
from al.kept import cache_folder, cache_limit, trim
from al.progress import bar
from al.whole import whole_file

#: Least and largest side: smaller ones vanish in a network, larger ones fill the disk.
SIDES = (4, 1024)
#: Images in a pack, and version of how they are decoded: another one is never read.
PACK, FORMAT = 1024, 1


class Pictures:
    """Decoded images by the digest of their files, on disk below `AL_CACHE_DIR`.

    A pack is an array of up to `PACK` images, written aside and renamed; the list of its
    digests comes after it, and makes it count. All data sets and processes share the packs.

    Args:
        size: side of the squares.

    Raises:
        ConfigError: it is too small or too large.
        DataError: the folder cannot be written.
    """

    def __init__(self, size: int) -> None:
        if not SIDES[0] <= size <= SIDES[1]:
            raise ConfigError(f"image_size={size}: give {SIDES[0]} to {SIDES[1]} pixels")
        self.size = size
        self.folder = cache_folder("images") / f"{size}px-{FORMAT}"
        self._packs: list[np.ndarray] = []
        self._names: set[str] = set()
        self._at: dict[str, tuple[int, int]] = {}  # digest → pack, row
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        self._recall()

    def _recall(self) -> None:
        """Take over the packs that are whole and not known yet."""
        for listed in sorted(self.folder.glob("pack-*.txt")):
            if listed.stem in self._names:
                continue
            with suppress(OSError, ValueError):  # damaged, or trimmed just now
                pack = np.load(listed.with_suffix(".npy"), mmap_mode="r")
                digests = listed.read_text().split()
                if pack.shape == (len(digests), self.size, self.size, 3):
                    self._names.add(listed.stem)
                    for row, name in enumerate(digests):
                        self._at.setdefault(name, (len(self._packs), row))
                    self._packs.append(pack)
                    os.utime(listed.with_suffix(".npy"))  # used now: trimmed last

    def __contains__(self, name: str) -> bool:
        return name in self._at

    def read(self, names: Sequence[str]) -> np.ndarray:
        """Some images, [n, size, size, 3]."""
        found = np.empty((len(names), self.size, self.size, 3), np.uint8)
        for place, name in enumerate(names):
            pack, row = self._at[name]
            found[place] = self._packs[pack][row]
        return found

    def add(self, paths: Sequence[Path]) -> Iterator[tuple[Path, str, str]]:
        """Decode what is new of some files, a pack at a time.

        Yields path, digest and why it cannot be used, "" where it can.

        Raises:
            DataError: the folder cannot be written.
        """
        with (
            bar(desc="decode", total=len(paths), unit="image") as progress,
            ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # odd EXIF, huge images: they are no reason to stop
            for start in range(0, len(paths), PACK):
                some = paths[start : start + PACK]
                new: dict[str, np.ndarray] = {}
                done = []
                for path, (name, why, image) in zip(some, pool.map(self._one, some), strict=True):
                    if image is not None:
                        new[name] = image
                    done.append((path, name, why))
                self._keep(new)
                progress.update(len(some))
                yield from done

    def _one(self, path: Path) -> tuple[str, str, np.ndarray | None]:
        try:
            content = path.read_bytes()
        except OSError as error:
            return "", error.strerror or "unreadable", None
        name = digest(content)
        if name in self._at:
            return name, "", None
        try:
            return name, "", decode(content, self.size)
        except DataError as error:
            return name, str(error), None

    def _keep(self, images: dict[str, np.ndarray]) -> None:
        if not images:
            return
        names = sorted(images)
        pack = self.folder / f"pack-{digest(' '.join(names).encode())}.npy"
        try:
            with whole_file(pack) as file:
                np.save(file, np.stack([images[name] for name in names]))
            with whole_file(pack.with_suffix(".txt")) as file:
                file.write("".join(f"{name}\n" for name in names).encode())
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        self._recall()

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


class Seen:
    """What is known of the files of a folder, so that those that did not change stay closed.

    Args:
        root: the folder.
        pictures: where they are decoded to.
    """

    def __init__(self, root: Path, pictures: Pictures) -> None:
        self.root, self.pictures = root, pictures
        name = hashlib.blake2b(str(root).encode(), digest_size=8).hexdigest()
        self._file = pictures.folder / f"seen-{name}.json"
        self._known: dict[str, list[object]] = {}
        with suppress(OSError, ValueError, RecursionError):
            known = json.loads(self._file.read_text())
            self._known = known if isinstance(known, dict) else {}

    def look(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Digest of each file, by its path below the root, and why it cannot be used."""
        found: dict[str, tuple[str, str]] = {}
        marks: dict[str, list[int]] = {}
        new = []
        for name in names:
            with suppress(OSError):  # gone meanwhile
                stat = (self.root / name).stat()
                marks[name] = [stat.st_size, stat.st_mtime_ns]
        for name, mark in marks.items():
            known = self._known.get(name)
            if isinstance(known, list) and len(known) == 4 and known[:2] == mark:
                content, why = str(known[2]), str(known[3])
                if why or content in self.pictures:
                    found[name] = (content, why)
                    continue
            new.append(name)
        paths = [self.root / name for name in new]
        for name, (_, content, why) in zip(new, self.pictures.add(paths), strict=True):
            found[name] = (content, why)
        if new or len(self._known) != len(found):
            self._known = {n: [*marks[n], *found[n]] for n in marks}
            with suppress(OSError), whole_file(self._file) as file:  # it only saves time
                file.write(json.dumps(self._known).encode())
        self.pictures.trim({content for content, why in found.values() if not why})
        return {name: found[name] for name in marks}


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"decoded images cannot be written to {folder} ({error.strerror}): free space there, "
        "or set AL_CACHE_DIR to another folder"
    )
