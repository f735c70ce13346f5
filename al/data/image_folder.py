"""A folder of images, whose sub-folders say what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

from al.contracts import Encoder
from al.data.image_files import SPLITS, images_below, tell_like_val
from al.data.image_loader import ImageFile, ImageLoader
from al.data.images import SIZE
from al.data.places import find
from al.errors import DataError


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
        paths = images_below(self._folder)
        tell_like_val(self._folder, paths)
        found = [_file(path) for path in paths]
        if found and not any(file.label for file in found):
            raise DataError(
                f"no image in {self._folder} has a class: put some of each into "
                f"{self._folder / 'train'}/CLASS/, and leave the others where they are"
            )
        return found

    def more_classes(self, names: Sequence[str]) -> list[str]:
        train = self._folder / "train"
        folders = (path.name for path in train.iterdir() if path.is_dir()) if train.is_dir() else ()
        return sorted(name for name in folders if name not in names and not name.startswith("."))


def _file(path: str) -> ImageFile:
    parts = path.split("/")
    if len(parts) > 2 and parts[0] in SPLITS:
        return ImageFile(path, path, parts[1], parts[0], path)
    return ImageFile(path, path, None, "", path)
