"""A folder of images, and files that say where things are in them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from al.contracts import DataSpec, Encoder, Label
from al.data.boxes.listed import Entry, Listed, NothingListed, lines_of
from al.data.delimited import log_once
from al.data.drawn_on import DrawnOnLoader
from al.data.image_files import images_below
from al.data.image_loader import ImageFile
from al.data.images import About
from al.data.legend import names_given
from al.data.own import Samples
from al.data.places import find
from al.data.placing import place_of
from al.errors import ConfigError, DataError, did_you_mean

_log = logging.getLogger(__name__)

#: The side is a multiple of this, that of the detector's cells.
STEP = 4
#: Pixels that a box may reach beyond its image, as formats round and count from 0 or 1.
BEYOND = 1.0
#: Decimals of a box in its square: enough to come back to a thousandth of a pixel of its image.
DIGITS = 7
#: A box of fewer pixels in its square is hardly to be learned; more of them than this in an image
#: no prediction holds.
SMALL, MOST = 2.0, 60
#: What a folder holds when its annotations do.
ANNOTATIONS = frozenset({"annotations", "labels"})
Reader = Callable[[Path, Sequence[str], Path | None], Listed]


class BoxLoader(DrawnOnLoader):
    """Images that files say something of are labelled, all others are not.

    A target is the boxes in the square of the image, in its pixels.

    Args:
        data: the folder, or the file that lists images or names classes below it.
        size: side of the squares, a multiple of 4, where no encoder says it.
        reader: of the format.
        suffixes: of files that `data` may name.
        classes: those that are learned, separated by commas, or a file of them; none for all.
        encoder: makes maps of features of the images, which are the inputs then.
    """

    mapped = True

    def __init__(
        self, data: str, size: int, reader: Reader, suffixes: tuple[str, ...],
        classes: str = "none", encoder: Encoder | None = None,
    ) -> None:  # fmt: skip
        if size % STEP and encoder is None:
            raise ConfigError(f"image_size={size}: give a multiple of {STEP} for boxes")
        self._only = find(data, folder=False) if data.lower().endswith(suffixes) else None
        root = find(data, folder=True) if self._only is None else self._only.parent
        if self._only is not None and root.name.lower() in ANNOTATIONS:
            root = root.parent
        self._reader, self._asked = reader, classes
        self._classes: tuple[str, ...] = ()
        super().__init__(root, size, str(root), encoder)

    # -- files -----------------------------------------------------------------------------

    def files(self) -> list[ImageFile]:
        paths = images_below(self.root)
        try:
            listed = self._reader(self.root, paths, self._only)
        except NothingListed:
            if self._asked == "none":
                raise
            listed = Listed()
        self._listed = listed
        return [
            ImageFile(path, path, listed.entries.get(path), listed.splits.get(path, ""), path)
            for path in paths
        ]

    def labels_of(self, files: Sequence[ImageFile]) -> list[Label | None]:
        """The boxes of images whose entry can be used; of the others a line tells."""
        self._classes = self._classes or self._chosen()
        self._odd = {what: list(where) for what, where in self._listed.odd.items()}
        self._left_out: Counter[str] = Counter()
        found: list[Label | None] = []
        for file, about in zip(files, self.abouts, strict=True):
            entry: Entry | None = file.label
            why = "" if entry is None else entry.why or self._misfit(entry, about)
            if why:
                self._note("entries cannot be used, and their images count as unlabelled",
                           f"{entry.place}: {why}" if entry else "")  # fmt: skip
            found.append(None if entry is None or why else self._boxes(entry, about))
        for line in lines_of(self._odd):
            log_once(f"{self._what}: {line}", _log)
        for name, count in sorted(self._left_out.items()):
            log_once(f"{self._what}: {count} boxes of class {name!r} are left out, as classes "
                      "does not name it", _log)  # fmt: skip
        if all(label is None for label in found) and (self._odd or self._asked == "none"):
            first = next(iter(lines_of(self._odd)), "no file names an image")
            raise DataError(f"no image in {self._what} has boxes to use, {first}: mend the files")
        return found

    def _chosen(self) -> tuple[str, ...]:
        """The classes that are learned.

        Raises:
            ConfigError: one that was asked for is not there.
        """
        known = self._listed.classes
        named, _ = names_given(self._asked, self.root) if self._asked != "none" else (None, "")
        if named is None:
            if not known:
                raise DataError(
                    f"{self._what} holds no box: draw some of each class, or name the classes, as "
                    "classes=cat,dog, and people are asked"
                )
            return tuple(known)
        for name in named.values():
            if known and name not in known:
                raise ConfigError(f"classes: {name!r} is not a class: {did_you_mean(name, known)}")
        return tuple(dict.fromkeys(named.values()))

    def _misfit(self, entry: Entry, about: About) -> str:
        """Why an entry does not belong to its image."""
        size = entry.size
        if size is not None and size != about[:2]:
            turned = ", turned by its EXIF" if size == (about.height, about.width) else ""
            stated = f"{size[0]:g} × {size[1]:g} pixels"
            return f"{stated}, its image {about.width} × {about.height}{turned}"
        known = {*self._classes, *(self._listed.classes if self._asked != "none" else ())}
        strange = [one.label for one in entry.boxes if one.label not in known]
        return f"class {strange[0]!r}, which the campaign does not know" if strange else ""

    def _boxes(self, entry: Entry, about: About) -> list[dict[str, Any]]:
        """A label: boxes cut at the edges of the image, in its square."""
        place = place_of(about.width, about.height, self.pictures.size)
        found = []
        for name, box in entry.boxes:
            if name not in self._classes:
                self._left_out[name] += 1
                continue
            x, y, width, height = box
            if entry.shares:
                x, width = x * about.width, width * about.width
                y, height = y * about.height, height * about.height
            if not np.isfinite([x, y, width, height]).all() or min(width, height) <= 0:
                self._note("boxes have no area and are left out", entry.place)
                continue
            low, high = (max(x, 0.0), max(y, 0.0)), (x + width, y + height)
            high = (min(high[0], about.width), min(high[1], about.height))
            beyond = max(-x, -y, x + width - about.width, y + height - about.height)
            if beyond > BEYOND:
                self._note("boxes reach beyond their image and are cut at its edges", entry.place)
            cut = [*low, high[0] - low[0], high[1] - low[1]]
            if min(cut[2:]) <= 0:
                self._note("boxes are outside their image and left out", entry.place)
                continue
            x, y, width, height = (round(side, DIGITS) for side in place.into(cut))
            sides = [x, y, max(width, 0.01), max(height, 0.01)]
            if min(width, height) < SMALL:
                self._note(f"boxes are less than {SMALL:g} pixels wide or high in the square, "
                           "where image_size= makes them larger", entry.place)  # fmt: skip
            found.append({"label": name, "box": sides})
        if len(found) > MOST:
            self._note(f"images have more than {MOST} boxes, the most that are found in one",
                       entry.place)  # fmt: skip
        return found

    def _note(self, what: str, where: str) -> None:
        self._odd.setdefault(what, []).append(where)

    def spec_for(
        self, samples: Samples, shape: tuple[int, ...], dtype: str, more: Mapping[str, Any]
    ) -> DataSpec:
        sides = [one["box"][2:] for label in samples.labels for one in label or ()]
        usual = float(np.median(np.sqrt(np.prod(sides, axis=1)))) if sides else SMALL
        more = {**more, "usual": round(usual, 1)}
        return DataSpec(self._classes, shape, dtype, "boxes", more)

    def adopt(self, spec: DataSpec) -> None:
        self._classes = spec.classes
        self.samples = self._looked()
        super().adopt(spec)

    def check_known(self) -> None:
        """An entry with boxes of other classes is not used; a line says so."""

    def on_picture(self, id: str, label: Label) -> Label:
        place = self.place_of_id(id)
        if place is None:
            return label
        return [{**one, "box": [round(side, 3) for side in place.back(one["box"])]}
                for one in label]  # fmt: skip

    def from_picture(self, id: str, label: Label) -> Label:
        place = self.place_of_id(id)
        if place is None:
            return label
        return [{**one, "box": [round(side, DIGITS) for side in place.into(one["box"])]}
                for one in label]  # fmt: skip

    # -- said of it ------------------------------------------------------------------------

    def summary(self) -> list[str]:
        labels = [label for label in self.samples.labels if label is not None]
        counts = Counter(one["label"] for label in labels for one in label)
        stated = ", ".join(f"{name!r} {counts[name]}" for name in self._classes)
        empty = sum(not label for label in labels)
        lines = [*self._listed.notes, f"{sum(counts.values())} boxes of {len(self._classes)} "
                 f"classes in {len(labels)} of {len(self.paths)} images: {stated}"]  # fmt: skip
        if empty:
            lines.append(f"{empty} images are labelled as without a box")
        return lines

    def oddities(self) -> list[str]:
        counts = Counter(one["label"] for label in self.samples.labels for one in label or ())
        none = [name for name in self._classes if not counts[name]]
        lines = [f"classes without a box: {', '.join(map(repr, none))}"] if none else []
        return [*lines, *super().oddities()]
