"""Your own images, in folders."""

from __future__ import annotations

from al.catalog import tasks
from al.data import ImageFolderLoader
from al.data.images import SIZE
from al.tasks.encoded import OwnImages


@tasks.register("image-folder")
class ImageFolder(OwnImages):
    """Your images in a folder: `train/CLASS/…` is labelled, the rest is the pool."""

    def __init__(
        self,
        data: str,
        image_size: int = 0,
        encoder: str = "auto",
        head: str = "linear",
        embeddings: str = "float32",
        finetune: str = "off",
        augment: str = "off",
        classes: str = "none",
    ) -> None:
        super().__init__(encoder, head, embeddings, image_size, augment, finetune)
        self._data, self._classes = data, classes

    def data(self) -> ImageFolderLoader:
        size = self._side or SIZE
        return ImageFolderLoader(
            self._data, size, self.encoder(),
            half=self._half, trained=self._trained, classes=self._classes,
        )  # fmt: skip
