"""A folder of images, whose sub-folders say what is known of them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from unicodedata import category

from al.contracts import Encoder
from al.data.delimited import tell_once
from al.data.image_loader import ImageFile, ImageLoader
from al.data.images import AVIF, HEIC, NEED_HEIC, SIZE, readable
from al.data.places import find
from al.errors import DataError

_log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
#: Suffixes of images that are not read, AVIF and HEIC where that is not installed.
NOT_READ = frozenset({".jxl", ".jp2", ".svg", ".psd", ".dng", ".raw"}) | AVIF | HEIC
#: What other programs call the folder of validation images.
LIKE_VAL = ("valid", "validation", "dev")
#: Categories of Unicode that no name of a sample may hold: control characters, ends of lines, and
#: what is no text.
UNSAYABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


class ImageFolderLoader(ImageLoader):
    """`train/CLASS/…`, `val/CLASS/…` and `test/CLASS/…` are labelled, all other images are not.

    An id is a file's path below the folder. An empty folder of train names a class as well.

    Args:
        data: the folder, as `al.data.places.find` takes it.
        size, encoder, half: see `al.data.image_loader.ImageLoader`.
    """

    def __init__(
        self, data: str, size: int = SIZE, encoder: Encoder | None = None, *, half: bool = False
    ) -> None:
        self._folder = find(data, folder=True)
        super().__init__(self._folder, size, str(self._folder), encoder, half=half)

    def files(self) -> list[ImageFile]:
        found, linked = [], []
        unread: dict[str, list[str]] = {}
        suffixes = readable()
        for folder, folders, names in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            linked += [link for name in folders if (link := Path(folder, name)).is_symlink()]
            for name in sorted(names):
                suffix = os.path.splitext(name)[1].lower()
                if name.startswith(".") or suffix not in suffixes | NOT_READ:
                    continue
                path = os.path.relpath(os.path.join(folder, name), self._folder)
                path = path.replace(os.sep, "/")
                if suffix not in suffixes:
                    unread.setdefault(f"of type {suffix}", []).append(path)
                elif any(category(sign) in UNSAYABLE for sign in path):
                    unread.setdefault("with signs in their names that cannot be said", []).append(
                        path
                    )
                else:
                    found.append(_file(path))
        self._tell(unread, [str(link.relative_to(self._folder)) for link in linked], found)
        if found and not any(file.label for file in found):
            raise DataError(
                f"no image in {self._folder} has a class: put some of each into "
                f"{self._folder / 'train'}/CLASS/, and leave the others where they are"
            )
        return found

    def _tell(
        self, unread: Mapping[str, Sequence[str]], linked: Sequence[str], found: Sequence[ImageFile]
    ) -> None:
        """Say what lies there and is not used, or not as it may be meant."""
        for why, paths in sorted(unread.items()):
            heic = f"{NEED_HEIC}, or " if paths[0].lower().endswith(tuple(HEIC)) else ""
            tell_once(
                f"{self._folder}: {len(paths)} images {why} are left out, {paths[0]!r} first: "
                f"{heic}save them as JPEG or PNG under a plain name",
                _log,
            )
        if linked:
            tell_once(
                f"{self._folder}: {len(linked)} folders are links and not looked into, "
                f"{linked[0]!r} first: put the images there, or list them in a manifest",
                _log,
            )
        for folder in LIKE_VAL:
            count = sum(file.path.startswith(f"{folder}/") for file in found)
            if count:
                tell_once(
                    f"{self._folder}: {count} images in {folder}/ count as unlabelled, as "
                    "validation is called val: rename the folder if that is what it is",
                    _log,
                )

    def more_classes(self, names: Sequence[str]) -> list[str]:
        train = self._folder / "train"
        folders = (path.name for path in train.iterdir() if path.is_dir()) if train.is_dir() else ()
        return sorted(name for name in folders if name not in names and not name.startswith("."))


def _file(path: str) -> ImageFile:
    parts = path.split("/")
    if len(parts) > 2 and parts[0] in SPLITS:
        return ImageFile(path, path, parts[1], parts[0], path)
    return ImageFile(path, path, None, "", path)
