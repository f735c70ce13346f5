"""Which image files lie below a folder, and what of it is not used."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from unicodedata import category

from al.data.delimited import log_once
from al.data.images import AVIF, HEIC, NEED_HEIC, readable

_log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
#: Suffixes of images that are not read, AVIF and HEIC where that is not installed.
NOT_READ = frozenset({".jxl", ".jp2", ".svg", ".psd", ".dng", ".raw"}) | AVIF | HEIC
#: What other programs call the folder of validation images.
LIKE_VAL = ("valid", "validation", "dev")
#: Folders that are no part of a data set: what macOS leaves in archives.
NO_DATA = frozenset({"__MACOSX"})
#: Categories of Unicode that no name of a sample may hold: control characters, ends of lines, and
#: what is not a text.
UNSAYABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def images_below(root: Path) -> list[str]:
    """Paths of image files below a folder, with /; other files there are reported."""
    found, linked = [], []
    unread: dict[str, list[str]] = {}
    suffixes = readable()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n not in NO_DATA)
        linked += [link for name in folders if (link := Path(folder, name)).is_symlink()]
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith(".") or suffix not in suffixes | NOT_READ:
                continue
            path = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            if suffix not in suffixes:
                unread.setdefault(f"of type {suffix}", []).append(path)
            elif any(category(sign) in UNSAYABLE for sign in path):
                unread.setdefault(
                    "with characters in their names that are not valid text", []
                ).append(path)
            else:
                found.append(path)
    for why, paths in sorted(unread.items()):
        heic = f"{NEED_HEIC}, or " if paths[0].lower().endswith(tuple(HEIC)) else ""
        log_once(
            f"{root}: {len(paths)} images {why} are left out, {paths[0]!r} first: "
            f"{heic}save them as JPEG or PNG under a plain name",
            _log,
        )
    if linked:
        log_once(
            f"{root}: {len(linked)} folders are links and not looked into, "
            f"{str(linked[0].relative_to(root))!r} first: put the images there, or list them in a "
            "manifest",
            _log,
        )
    return found


def tell_like_val(root: Path, paths: Sequence[str]) -> None:
    """Say where validation seems to lie under another name."""
    for folder in LIKE_VAL:
        count = sum(path.startswith(f"{folder}/") for path in paths)
        if count:
            log_once(
                f"{root}: {count} images in {folder}/ count as unlabelled, as validation is called "
                "val: rename the folder if that is what it is",
                _log,
            )
