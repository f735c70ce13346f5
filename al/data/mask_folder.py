"""A folder of images and of masks that say of what class each pixel is."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import torch

from al.contracts import DataSpec, Encoder, Label
from al.data.colour_map import ColourMap, asked
from al.data.delimited import log_once
from al.data.drawn_on import DrawnOnLoader
from al.data.image_files import images_below, tell_like_val
from al.data.image_loader import NAMED, ImageFile
from al.data.images import About, digest
from al.data.legend import Legend, legend_of, names_given
from al.data.mask_pictures import MaskPictures
from al.data.mask_serving import PLACE, with_cover, with_places
from al.data.mask_sizes import as_learned, as_painted
from al.data.own import Samples
from al.data.pairing import paired, split_of
from al.data.pictures import Look, Seen
from al.data.places import find
from al.data.placing import place_of
from al.errors import ConfigError, DataError
from al.masks import VOID, encode_mask

_log = logging.getLogger(__name__)

#: The side is a multiple of this, as the network halves it three times.
STEP = 8


class MaskFolderLoader(DrawnOnLoader):
    """Images with a mask of the same name are labelled, all others are not.

    A mask lies in a folder of the names in `MASKS` or ends in _mask and the like, beside its
    image or in a folder like that of its image; below train, val or test it says its split. A
    label is the mask in the square of its image, `VOID` beside the image; one that was painted
    finer than that has it whole under "full". What goes into the network is the square, uint8
    [n, size, size, 4]: red, green, blue, and 255 where the image is.

    Args:
        data: the folder, as `al.data.places.find` takes it.
        size: side of the squares, a multiple of 8, where no encoder says it.
        classes, background, ignore: see `al.data.legend`.
        encoder: makes maps of features of the images. They are the inputs then, float16, with
            four numbers behind them: where the image lies in the square.
    """

    mapped = True

    def __init__(
        self, data: str, size: int, classes: str = "none", background: str = "auto",
        ignore: str = "none", encoder: Encoder | None = None,
    ) -> None:  # fmt: skip
        size = encoder.size if encoder else size
        if size % STEP and encoder is None:
            raise ConfigError(f"image_size={size}: give a multiple of {STEP} for masks")
        self._folder = find(data, folder=True)
        named, self._named_in = names_given(classes, self._folder)
        self._asked, self._options = (classes, background, ignore), asked(named, background, ignore)
        self._colours = self._options.colours
        self.masks = MaskPictures(size, self._colours)
        self._legend: Legend | None = None
        self._encoded: dict[tuple[str, tuple[int, int]], Label] = {}  # by digest and size of image
        super().__init__(self._folder, size, str(self._folder), encoder)

    # -- files and masks -------------------------------------------------------------------

    def files(self) -> list[ImageFile]:
        self._pairs = pairs = paired(images_below(self._folder))
        tell_like_val(self._folder, pairs.images)
        if pairs.images and not pairs.masks and self._options.named is None:
            raise DataError(
                f"no image in {self._folder} has a mask: name the classes, as "
                "classes=background,cat, and people are asked, or put masks as PNG under the names "
                f"of their images into {self._folder / 'masks'}, and images into "
                f"{self._folder / 'images'}"
            )
        return [
            ImageFile(path, path, pairs.masks.get(path), split_of(path), path)
            for path in pairs.images
        ]

    def labels_of(self, files: Sequence[ImageFile]) -> list[Label | None]:
        seen = Seen(self.root, self.masks).look(sorted({f.label for f in files if f.label}))
        self._held = [frozenset(look.about[2:]) for look in seen.values()]
        if seen and all(look.why for look in seen.values()):
            self._refuse({path: look.why for path, look in sorted(seen.items())})
        if self._legend is None:
            found_in = sorted(frozenset().union(*self._held))
            options = self._options
            self._legend = legend_of(found_in, options.named, options.background, options.ignore)
        known, self._encoded = self._encoded, {}
        self._masks: list[tuple[str, str] | None] = []  # path and digest
        found: list[Label | None] = []
        unusable: dict[str, str] = {}
        for file, about in zip(files, self.abouts, strict=True):
            look = seen.get(file.label, Look("", "no such file")) if file.label else None
            why = "" if look is None else look.why or self._wrong(look, about)
            if why:
                unusable[str(file.label)] = why
            usable = look is not None and not why
            self._masks.append((str(file.label), look.content) if look and usable else None)
            found.append(self._label(look.content, about, known) if look and usable else None)
        self._tell(unusable)
        if unusable and not any(found):
            self._refuse(unusable)
        return found

    def _refuse(self, unusable: Mapping[str, str]) -> NoReturn:
        path, why = next(iter(unusable.items()), ("none", "no such file"))
        raise DataError(
            f"no mask in {self._folder} can be used, {path} ({why}) first: mend them, or say "
            "what their values mean by classes=… and ignore=…"
        )

    def _label(
        self, content: str, about: About, known: Mapping[tuple[str, tuple[int, int]], Label]
    ) -> Label:
        """The label that a mask is, made once."""
        key = (content, about[:2])
        if key not in self._encoded:
            self._encoded[key] = known[key] if key in known else self._encode(content, about)
        return self._encoded[key]

    def _encode(self, content: str, about: About) -> Label:
        assert self._legend is not None
        mask = self._legend.table()[self.masks.read([content])[0]]
        mask[~place_of(*about[:2], self.masks.size).covers(self.masks.size)] = VOID
        return encode_mask(mask)

    def _wrong(self, look: Look, about: About) -> str:
        """Why a readable mask does not belong to its image."""
        assert self._legend is not None
        across, down, *values = look.about
        if (across, down) != about[:2]:
            turned = ", turned by its EXIF" if (down, across) == about[:2] else ""
            return f"{across} × {down} pixels, its image {about.width} × {about.height}{turned}"
        strange = self._legend.strange(values)
        return f"holds {strange[-1]}, which is not one of the classes" if strange else ""

    def _tell(self, unusable: Mapping[str, str]) -> None:
        """Say which masks are not used."""

        def tell(paths: Sequence[str], what: str, fix: str) -> None:
            if paths:
                named = ", ".join(paths[:NAMED]) + (" …" if len(paths) > NAMED else "")
                log_once(f"{self._folder}: {len(paths)} masks {what} ({named}): {fix}", _log)

        why = [f"{path}: {unusable[path]}" for path in sorted(unusable)]
        tell(
            why,
            "cannot be used, and their images count as unlabelled",
            "mend them, or say what values mean by classes=… and ignore=…",
        )
        tell(self._pairs.alone, "have no image and are left out", "name each like its image")
        tell(
            self._pairs.lossy,
            "are of a type that changes values and are left out",
            "save them as PNG",
        )

    def spec_for(
        self, samples: Samples, shape: tuple[int, ...], dtype: str, more: Mapping[str, Any]
    ) -> DataSpec:
        assert self._legend is not None  # made with the samples
        kind = "mask" if self._legend.background else "scene"
        more = {**more, **self._legend.details()}
        if self._colours:
            more["colours"] = list(self._colours.colours)
        shape = (*shape[:2], 4) if self._grids is None else (shape[0] + PLACE,)
        return DataSpec(self._legend.names, shape, dtype, kind, more)

    def adopt(self, spec: DataSpec) -> None:
        self._legend, self._encoded = Legend.of(spec), {}
        kept = spec.details.get("colours")
        self._colours = ColourMap(tuple(kept)) if kept else None
        self.masks = MaskPictures(self.pictures.size, self._colours)
        self.samples = self._looked()
        super().adopt(spec)

    def check_known(self) -> None:
        """Masks of other classes are not used; a line says so."""

    # -- samples ---------------------------------------------------------------------------

    def on_picture(self, id: str, label: Label) -> Label:
        place = self.place_of_id(id)
        if place is None:
            return label
        row = self._row[id]
        if label == self._found.labels[row] and (own := self._of_file(row)) is not None:
            return own
        return as_painted(label, place, len(self.spec.classes))

    def from_picture(self, id: str, label: Label) -> Label:
        place = self.place_of_id(id)
        if place is None:
            return label
        return as_learned(label, place, self.pictures.size, len(self.spec.classes))

    def _of_file(self, row: int) -> Label | None:
        """The mask that the file of a row holds, as it is; None where that is another by now."""
        found = self._masks[row]
        if found is None:
            return None
        try:
            content = (self.root / found[0]).read_bytes()
            if digest(content) != found[1]:
                return None
            assert self._legend is not None
            return encode_mask(self._legend.table()[self.masks.values(content)])
        except (OSError, DataError):
            return None

    def targets(self, ids: Sequence[str], labels: Sequence[Label]) -> torch.Tensor:
        """Masks, of no known class beside the image, whatever the data says of it there."""
        found = super().targets(ids, labels)
        for number, row in enumerate(self.rows(ids).tolist()):
            found[number][torch.from_numpy(~self.place(row).covers(self.pictures.size))] = VOID
        return found

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        places = [self.place(row) for row in rows.tolist()]
        if self._grids is None:
            return torch.from_numpy(with_cover(self._decoded(rows.tolist()), places))
        return torch.from_numpy(with_places(self._read(self._grids.whole, rows), places))

    def summary(self) -> list[str]:
        assert self._legend is not None
        legend, (classes, background, _) = self._legend, self._asked
        of_each = [[self._value(v) for v, at in legend.positions.items() if at == place]
                  for place in range(len(legend.names))]  # fmt: skip
        options = ", ".join(f"{name!r} ({' and '.join(of)})"
                         for name, of in zip(legend.names, of_each, strict=True))  # fmt: skip
        by = "as classes says" if classes != "none" else "by their values; classes=… names them"
        lines = [f"masks hold {len(legend.names)} classes, {self._named_in or by}: {options}"]
        if not legend.background:
            lines.append("no class is the background, so all count; background=… says which is one")
        else:
            guessed = "; background=none makes it one like the others"
            lines.append(f"class {legend.names[0]!r} is the background"
                         f"{guessed if background == 'auto' else ''}")  # fmt: skip
        if legend.ignored:
            masks = sum(any(v in look for v in legend.ignored) for look in self._held)
            values = ", ".join(map(self._value, legend.ignored))
            lines.append(f"pixels of value {values} are left out of loss and metrics; {masks} "
                         "masks hold some")  # fmt: skip
        return lines

    def _value(self, value: int) -> str:
        """A value, or the colour that it stands for."""
        return self._colours.colours[value] if self._colours else str(value)
