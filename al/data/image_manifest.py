"""Images that a table lists, one a row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from al.contracts import DataSpec, Encoder
from al.data.classes import spec_of_targets
from al.data.columns import as_numbers, as_texts, missing
from al.data.image_loader import ImageFile, ImageLoader
from al.data.images import SIZE
from al.data.notations import Notation
from al.data.oddities import gaps
from al.data.own import Samples
from al.data.places import find
from al.data.reading import UNASKED, Asked, column, read_table, with_target
from al.data.row_marks import ID, SPLIT, labels_of, several, splits_of
from al.errors import DataError

PATH = "path"


class ImageManifestLoader(ImageLoader):
    """A CSV, TSV or parquet file with a column `path`, counted from the file's own folder.

    Columns `id` (else the path is it), `split` (train, val, test or nothing) and the one of
    labels may be there; all others are metadata, which SQL strategies can ask for.

    Args:
        data: the file, as `al.data.places.find` takes it.
        label: name of the column of labels, classes or numbers; empty where one is missing.
        size, encoder, half, trained: see `al.data.image_loader.ImageLoader`.
    """

    def __init__(
        self,
        data: str,
        label: str = "label",
        size: int = SIZE,
        encoder: Encoder | None = None,
        *,
        half: bool = False,
        trained: bool = False,
        asked: Asked = UNASKED,
    ) -> None:
        self._file, self._label, self._asked = find(data, folder=False), label, asked
        self._as_number, self._sign = asked.as_number, asked.sign
        self._written: Notation | str = "."
        root, what = self._file.parent, self._file.name
        super().__init__(root, size, what, encoder, half=half, trained=trained)

    def files(self) -> list[ImageFile]:
        frame = read_table(self._file, self._asked.separator, self._asked.sheet)
        paths = column(frame, PATH, self._file)
        frame = with_target(frame, self._label, self._file, self._asked)
        labels = frame[self._label]

        def place(row: int) -> str:
            return f"{self._file.name} row {row + 1}"

        for name in (PATH, ID):
            if name in frame.columns and (gone := missing(frame[name])).any():
                raise DataError(f"{place(int(np.flatnonzero(gone)[0]))} has no {name}: give one")
        inside = [below(self.root, text, place(row)) for row, text in enumerate(as_texts(paths))]
        self.named = ID in frame.columns
        ids = as_texts(frame[ID]).tolist() if self.named else inside
        known, self._as_number, self._written = labels_of(
            labels, self._label, place, self._as_number, marks=self._asked.marks,
            written=self._written, may_lack=self._asked.like is not None,
        )  # fmt: skip
        if self._sign:
            known = several(known, self._sign)
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

    def spec_for(
        self, samples: Samples, shape: tuple[int, ...], dtype: str, more: Mapping[str, Any]
    ) -> DataSpec:
        what = f"column {self._label!r} of {self._what}"
        asked = self._asked
        return spec_of_targets(
            samples.labels, samples.places, what, shape, dtype, asked.classes, asked.like, **more
        )

    def adopt(self, spec: DataSpec) -> None:
        if self._as_number == bool(spec.classes):  # it began as the other one
            self._as_number, self._written = not spec.classes, "."
            self.samples = self._looked()
        super().adopt(spec)

    def summary(self) -> list[str]:
        known = [label for label in self.samples.labels if label is not None]
        have = f"{len(known)} of {len(self.paths)} rows have it"
        line = f"target {self._label!r} is {len(self.spec.classes)} classes"
        if self._as_number:
            reach = f", {min(known):g} to {max(known):g}" if known else ""
            line = f"target {self._label!r} is a number{reach}"
            return [f"{line}; {have}; kind=class learns it as classes", *self._gaps]
        if self._sign:
            line += f", several a row, separated by {self._sign!r}"
        return [f"{line}; {have}", *self._gaps]


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
        raise DataError(f"{place}: {text[:80]!r} is not a file: give an image's path")
    return inside.as_posix()
