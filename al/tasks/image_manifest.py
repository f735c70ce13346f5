"""Your own images, listed in a file."""

from __future__ import annotations

from al.catalog import tasks
from al.data import Asked, ImageManifestLoader
from al.data.images import SIZE
from al.data.legend import classes_named
from al.tasks.encoded import OwnImages


@tasks.register("image-manifest")
class ImageManifest(OwnImages):
    """Your images, listed in a CSV or parquet file with labels and whatever you know of them."""

    def __init__(
        self,
        data: str,
        target: str = "label",
        image_size: int = 0,
        encoder: str = "auto",
        head: str = "linear",
        embeddings: str = "float32",
        finetune: str = "off",
        kind: str = "auto",
        missing_labels: str = "none",
        label_separator: str = "none",
        separator: str = "auto",
        sheet: str = "auto",
        augment: str = "off",
        classes: str = "none",
    ) -> None:
        super().__init__(encoder, head, embeddings, image_size, augment, finetune)
        self._data, self._label = data, target
        self._asked = Asked(
            kind, missing_labels=missing_labels, separator=separator, sheet=sheet,
            label_separator=label_separator, classes=classes_named(classes),
        )  # fmt: skip

    def data(self) -> ImageManifestLoader:
        size, encoder = self._side or SIZE, self.encoder()
        return ImageManifestLoader(
            self._data, self._label, size, encoder,
            half=self._half, trained=self._trained, asked=self._asked,
        )  # fmt: skip
