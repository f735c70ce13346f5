"""Decoded images, each decoded once and kept in packs."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from al.data.images import about, decode, digest
from al.data.packs import Packs
from al.errors import ConfigError, DataError
from al.kept import cache_folder
from al.progress import bar
from al.whole import whole_file

#: Least and largest side: smaller ones vanish in a network, larger ones fill the disk.
SIDES = (4, 1024)
#: Images in a pack, and version of how they are decoded; other versions are ignored.
PACK, FORMAT = 1024, 1


class Look(NamedTuple):
    """What is known of a file.

    Attributes:
        content: digest of what is in it; "" where it cannot be opened.
        why: it cannot be used, in a few words; "" where it can.
        about: whole numbers that its pictures say of it, as `Pictures.looked_at`.
    """

    content: str
    why: str
    about: tuple[int, ...] = ()


class Pictures(Packs):
    """Decoded images by the digest of their files.

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
        folder = cache_folder("images") / f"{size}px-{FORMAT}"
        super().__init__(folder, (size, size, 3), "uint8", "decoded images")

    def looked_at(self, content: bytes, known: bool) -> tuple[np.ndarray | None, tuple[int, ...]]:
        """A file as it is kept, and what is to be known of it besides; see `images.About`.

        Args:
            known: it is kept already, and need not be decoded.

        Raises:
            DataError: it cannot be used; the message is the reason alone.
        """
        return None if known else decode(content, self.size), tuple(about(content))

    def add(self, paths: Sequence[Path]) -> Iterator[Look]:
        """Decode what is new of some files, a pack at a time.

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
                for look, image in pool.map(self._one, some):
                    if image is not None:
                        new[look.content] = image
                    done.append(look)
                self.keep(new)
                progress.update(len(some))
                yield from done

    def _one(self, path: Path) -> tuple[Look, np.ndarray | None]:
        try:
            content = path.read_bytes()
        except OSError as error:
            return Look("", error.strerror or "unreadable"), None
        name = digest(content)
        known = name in self
        try:
            image, problem = self.looked_at(content, known)
            return Look(name, "", problem), None if known else image
        except DataError as error:
            return Look(name, str(error)), None


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

    def look(self, names: Sequence[str]) -> dict[str, Look]:
        """What is known of each file that is there, by its path below the root."""
        found: dict[str, Look] = {}
        marks: dict[str, list[int]] = {}
        new = []
        for name in names:
            with suppress(OSError):  # gone meanwhile
                stat = (self.root / name).stat()
                marks[name] = [stat.st_size, stat.st_mtime_ns]
        for name, mark in marks.items():
            known = self._known.get(name)
            if isinstance(known, list) and len(known) == 5 and known[:2] == mark:
                look = Look(str(known[2]), str(known[3]), _numbers(known[4]))
                if look.why or (look.content in self.pictures and look.about):
                    found[name] = look
                    continue
            new.append(name)
        paths = [self.root / name for name in new]
        found |= dict(zip(new, self.pictures.add(paths), strict=True))
        if new or len(self._known) != len(found):
            self._known = {n: [*marks[n], *found[n]] for n in marks}
            with suppress(OSError), whole_file(self._file) as file:  # it only saves time
                file.write(json.dumps(self._known).encode())
        self.pictures.trim({look.content for look in found.values() if not look.why})
        return {name: found[name] for name in marks}


def _numbers(known: object) -> tuple[int, ...]:
    """Whole numbers as JSON has them; none where it has others."""
    whole = isinstance(known, list) and all(type(number) is int for number in known)
    return tuple(known) if whole else ()  # type: ignore[arg-type]
