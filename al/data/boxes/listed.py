"""What files say of images: which boxes each holds, and what is odd about that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from al.errors import DataError

#: Words in names of files and folders that say a split.
_SPLIT = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


class NothingListed(DataError):
    """No file says anything of an image."""


class Named(NamedTuple):
    """A box and the name of its class; x, y, width and height."""

    label: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Entry:
    """An image's entry in an annotation file.

    Attributes:
        boxes: in pixels of the image, or in shares of its width and height.
        place: of the entry, for messages.
        size: width and height by the entry, where it has them.
        why: it cannot be used, in a few words.
    """

    boxes: Sequence[Named]
    place: str
    size: tuple[float, float] | None = None
    shares: bool = False
    why: str = ""


@dataclass
class Listed:
    """The entries of all images.

    Attributes:
        entries: by the path of the image below the root.
        splits: of images whose split is given, by path.
        classes: names, in the order of the format where it has one.
        notes: lines of what was read.
        odd: what is left out or changed → where: counted and reported.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    odd: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, where: str) -> None:
        """Count something odd."""
        self.odd.setdefault(what, []).append(where)

    def know(self, names: Iterable[str]) -> None:
        """Add classes that are not known yet."""
        self.classes += [name for name in dict.fromkeys(names) if name not in self.classes]


class Index:
    """Images by parts of their paths.

    Args:
        paths: of all images below the root.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = frozenset(paths)
        self._by: dict[str, list[str]] = {}
        for path in paths:
            pure = PurePosixPath(path)
            for key in dict.fromkeys((pure.name, pure.stem)):
                self._by.setdefault(key, []).append(path)

    def find(self, name: str, near: str) -> str | None:
        """The image that a file names; None where none is, or several fit alike.

        Args:
            name: a path, or the end of one, with or without suffix.
            near: folder of the file below the root, "" for the root: nearer ones come first.
        """
        name = name.replace("\\", "/").removeprefix("./")
        for folder in dict.fromkeys((near, f"{near}/images".lstrip("/"), "", "images")):
            path = f"{folder}/{name}".lstrip("/")
            if path in self.paths:
                return path
        found = self._by.get(PurePosixPath(name).name, [])
        found = [path for path in found if f"/{path}".endswith(f"/{name}")] or found
        found = [path for path in found if _near(path, near)] or found
        return found[0] if len(found) == 1 else None


def _near(path: str, near: str) -> bool:
    """Whether an image and a file lie below the same first folder, or say the same split."""
    split = split_named(near)
    return path.split("/")[0] == near.split("/")[0] or bool(split and split_named(path) == split)


def split_named(path: str) -> str:
    """The split that a path's folders say, or its name in words of its own; "" where none."""
    for part in PurePosixPath(path).parts:
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in _SPLIT:
                return _SPLIT[word]
    return ""


def lines_of(odd: Mapping[str, Sequence[str]], named: int = 3) -> list[str]:
    """A line for each thing that is odd, with its count and where it is so."""
    return [
        f"{len(where)} {what} ({', '.join(where[:named])}{' …' if len(where) > named else ''})"
        for what, where in odd.items()
    ]
