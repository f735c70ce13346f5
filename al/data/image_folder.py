"""A folder of images, whose sub-folders say what is known of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from al.contracts import DataSpec, Encoder
from al.data.delimited import log_once
from al.data.image_files import NO_DATA, images_below
from al.data.image_loader import ImageFile, ImageLoader
from al.data.images import SIZE
from al.data.layouts import UNLABELLED, Layout
from al.data.legend import classes_named
from al.data.places import find
from al.errors import DataError

_log = logging.getLogger(__name__)


class ImageFolderLoader(ImageLoader):
    """`train/CLASS/…`, `val/CLASS/…` and `test/CLASS/…` are labelled, all other images are not;
    without these folders, `CLASS/…` are. See `al.data.layouts`.

    An id is a file's path below the folder. An empty folder of a class names it as well.

    Args:
        data: the folder, as `al.data.places.find` takes it.
        classes: as the user names them; folders of other names say no class then.
        size, encoder, half, trained: see `al.data.image_loader.ImageLoader`.
    """

    def __init__(
        self,
        data: str,
        size: int = SIZE,
        encoder: Encoder | None = None,
        *,
        half: bool = False,
        trained: bool = False,
        classes: str = "none",
    ) -> None:
        self._folder = find(data, folder=True)
        self._layout: Layout | None = None
        self.asked = classes_named(classes, self._folder)
        what = str(self._folder)
        super().__init__(self._folder, size, what, encoder, half=half, trained=trained)

    def files(self) -> list[ImageFile]:
        paths = images_below(self._folder)
        self._layout = layout = self._layout or Layout.of(paths)
        found = [ImageFile(path, path, *self._known(path, layout), path) for path in paths]
        if found and not self.asked and not any(file.label for file in found):
            raise DataError(
                f"no image in {self._folder} has a class: name the classes, as classes=cat,dog, "
                "and people are asked, or put ten or more images of each into "
                f"{self._folder / 'train'}/CLASS/, and leave the others where they are"
            )
        return found

    def _known(self, path: str, layout: Layout) -> tuple[str | None, str]:
        """Class and split that a path says, of the classes that are asked for."""
        name, split = layout.known(path)
        if name is None or not self.asked or name in self.asked:
            return name, split
        log_once(f"{self._folder}: images in folders of class {name!r} have no class, as classes "
                 "does not name it", _log)  # fmt: skip
        return None, ""

    def details(self) -> Mapping[str, Any]:
        return {} if self._layout is None else self._layout.details

    def adopt(self, spec: DataSpec) -> None:
        layout = Layout.from_details(spec.details)
        if layout != self._layout:
            self._layout = layout
            self.take(self._looked())
        super().adopt(spec)

    def summary(self) -> list[str]:
        return [] if self._layout is None else self._layout.summary(self.paths)

    def more_classes(self, names: Sequence[str]) -> list[str]:
        if self.asked:
            return []
        layout, found = self._layout or Layout(), set[str]()
        for base in (self._folder / layout.base, *(self._folder / layout.base).iterdir()):
            below = base.relative_to(self._folder).as_posix()
            if base.is_dir() and layout.holds_classes("" if below == "." else f"{below}/"):
                found |= {path.name for path in base.iterdir() if path.is_dir()}
        if layout.by == "classes":
            found = {name for name in found if name.lower() not in UNLABELLED}
        return sorted(name for name in found - set(names) - NO_DATA if not name.startswith("."))
