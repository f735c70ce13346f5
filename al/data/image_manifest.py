"""Images that a table lists, one a row."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np

from al.contracts import Encoder
from al.data.columns import as_numbers, as_texts, missing
from al.data.image_loader import ImageFile, ImageLoader
from al.data.images import SIZE
from al.data.oddities import gaps
from al.data.places import find
from al.data.reading import UNASKED, Asked, column, read_table
from al.data.row_marks import ID, SPLIT, labels_of, splits_of
from al.errors import DataError

PATH = "path"


class ImageManifestLoader(ImageLoader):
    """A CSV, TSV or parquet file with a column `path`, counted from the file's own folder.

    Columns `id` (else the path is it), `split` (train, val, test or nothing) and the one of
    labels may be there; all others are metadata, which SQL strategies can ask for.

    Args:
        data: the file, as `al.data.places.find` takes it.
        label: name of the column of labels; empty where one is missing.
        size, encoder, half: see `al.data.image_loader.ImageLoader`.
    """

    def __init__(
        self,
        data: str,
        label: str = "label",
        size: int = SIZE,
        encoder: Encoder | None = None,
        *,
        half: bool = False,
        asked: Asked = UNASKED,
    ) -> None:
        self._file, self._label, self._asked = find(data, folder=False), label, asked
        super().__init__(self._file.parent, size, self._file.name, encoder, half=half)

    def files(self) -> list[ImageFile]:
        frame = read_table(self._file, self._asked.separator, self._asked.sheet)
        paths = column(frame, PATH, self._file)
        labels = column(frame, self._label, self._file)

        def place(row: int) -> str:
            return f"{self._file.name} row {row + 1}"

        for name in (PATH, ID):
            if name in frame.columns and (gone := missing(frame[name])).any():
                raise DataError(f"{place(int(np.flatnonzero(gone)[0]))} has no {name}: give one")
        inside = [below(self.root, text, place(row)) for row, text in enumerate(as_texts(paths))]
        self.named = ID in frame.columns
        ids = as_texts(frame[ID]).tolist() if self.named else inside
        known = labels_of(labels, self._label, place, False, marks=self._asked.marks).labels
        splits = splits_of(frame, place)
        known_of = frame.drop(columns=[PATH, ID, SPLIT, self._label], errors="ignore")
        self._gaps, more = gaps(known_of), {}
        for name in known_of.columns:
            numbers = as_numbers(frame[name])
            more[name] = (as_texts(frame[name]) if numbers is None else numbers).tolist()
        return [
            ImageFile(
                ids[row], inside[row], known[row], splits[row], place(row),
                {name: cells[row] for name, cells in more.items()},
            )
            for row in range(len(frame))
        ]  # fmt: skip

    def told(self) -> list[str]:
        return list(self._gaps)


def below(root: Path, text: str, place: str) -> str:
    """A path below the root, with /, as a manifest may write it: plain, or as a file:// URL.

    Raises:
        DataError: it leads out of the root, links followed, or is on another machine.
    """
    path = text.replace("\\", "/")
    if "://" in path:
        url = urlsplit(path)
        if url.scheme != "file" or url.netloc not in ("", "localhost"):
            raise DataError(
                f"{place}: {text[:80]!r} is not on this disk, and nothing is fetched: copy the "
                f"images below {root}"
            )
        path = unquote(url.path)
    try:
        there, home = (root / path).resolve(), root.resolve()
        inside = there.relative_to(home)
    except (OSError, ValueError, RuntimeError):
        raise DataError(
            f"{place}: {text[:80]!r} leads out of {root}: list images below the manifest's folder"
        ) from None
    if inside == Path():
        raise DataError(f"{place}: {text[:80]!r} is no file: give an image's path")
    return inside.as_posix()
