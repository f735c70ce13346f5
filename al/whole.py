"""Files that are whole or not there, after a kill and after a power cut."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname


def is_local(uri: str) -> bool:
    """Whether a place is a folder that this machine sees."""
    return uri.startswith("file:") or not re.match(r"[\w+.\-]+:", uri)


def is_taken(place: Path) -> bool:
    """Whether something is there already; an empty folder is nothing."""
    return place.exists() and (not place.is_dir() or any(place.iterdir()))


def on_disk(*uris: str) -> None:
    """Wait until all files in folders are on the disk, and the folders where they were made.

    Args:
        uris: where artifacts are; what a server or an object store keeps is its own affair.
    """
    paths: dict[Path, None] = {}
    for uri in filter(is_local, uris):
        folder = Path(url2pathname(urlsplit(uri).path) if uri.startswith("file:") else uri)
        if folder.is_dir():
            # MLflow makes as many folders on the way: of the run or model, and of the experiment.
            paths |= dict.fromkeys((*folder.rglob("*"), folder, *folder.parents[:3]))
    if paths:
        with ThreadPoolExecutor(8) as pool:  # what is asked for at once, the disk does at once
            list(pool.map(_synced, paths))


def digest_of(folder: Path) -> str:
    """Identity of all files in a folder, or of one file; 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(p for p in (folder, *folder.rglob("*")) if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _synced(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file to write: aside, on the disk and then renamed, where nothing was raised.

    Args:
        mode: who may read and write it, less what the process's umask takes away.

    Raises:
        OSError: it cannot be written; what was there before stands.
    """
    # Threads, and hosts that share the folder, may write the same file at once.
    aside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        number = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
