"""Images on which people draw: learned from as squares, labels given and taken in own pixels."""

from __future__ import annotations

import numpy as np

from al.contracts import Preview
from al.data.image_loader import ImageLoader
from al.data.images import preview
from al.data.placing import Place, place_of
from al.errors import DataError

#: No image has so long a side.
_WHOLE = 1 << 30


class DrawnOnLoader(ImageLoader):
    """Images whose labels have places in them.

    A label is kept in the square of its image; the picture is the image itself, upright.
    """

    def place(self, row: int) -> Place:
        """Where an image lies in its square."""
        return place_of(*self.abouts[row][:2], self.pictures.size)

    def place_of_id(self, id: str) -> Place | None:
        """The same by its id; None where the sample has vanished."""
        row = self._row.get(id)
        return None if row is None else self.place(row)

    def preview(self, id: str) -> Preview:
        """The square that its label is of."""
        return Preview(image=self._decoded([self._row[id]])[0])

    def picture(self, id: str) -> np.ndarray:
        path = self.root / self.paths[self._row[id]]
        try:
            return preview(path.read_bytes(), _WHOLE)
        except (OSError, DataError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{path} cannot be read any more ({reason}): restore it") from error

    def picture_size(self, id: str) -> tuple[int, int]:
        about = self.abouts[self._row[id]]
        return about.height, about.width
