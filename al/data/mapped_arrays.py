"""Images in memory that an encoder reads: its maps of features are the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from al.contracts import DataSpec, Encoder
from al.data.arrays import ArrayLoader
from al.data.embeddings import Grids
from al.data.encoding import check_encoder, detail_of
from al.data.images import digest
from al.data.spread_embedding import SpreadEmbedding


class _Samples(NamedTuple):
    """Ids and digests of the images, by row."""

    ids: tuple[str, ...]
    contents: tuple[str, ...]


class MappedArrays(SpreadEmbedding, ArrayLoader):
    """Squares of the side that the encoder takes, with masks or boxes in their pixels.

    Args:
        encoder: makes vectors and maps, kept once for all campaigns; see `al.data.embeddings`.
        images: uint8 [N, side, side, 3].
        details: more for the spec; see `DataSpec`.
        others: of `ArrayLoader`.
    """

    def __init__(
        self,
        encoder: Encoder,
        ids: Sequence[str],
        images: np.ndarray,
        targets: Any,
        classes: Sequence[str],
        test: Sequence[str],
        kind: str,
        **details: Any,
    ) -> None:
        super().__init__(ids, images, targets, classes, test, kind)
        self._encoder = encoder
        self._embeddings = self._grids = Grids(encoder)
        self.samples = _Samples(tuple(ids), tuple(digest(image.tobytes()) for image in images))
        more = {**detail_of(encoder, maps=True), "image_shape": list(images.shape[1:3]), **details}
        self.spec = DataSpec(tuple(classes), (self._grids.row,), "float16", kind, more)

    def adopt(self, spec: DataSpec) -> None:
        check_encoder(self._encoder, spec)

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        contents = self.samples.contents
        asked = [contents[row] for row in rows]
        return torch.from_numpy(self._grids.whole(asked, contents, self._raw))

    def features(self, ids: Sequence[str]) -> np.ndarray:
        """The encoder's vectors."""
        contents = self.samples.contents
        return self._grids.of([contents[row] for row in self.rows(ids)], contents, self._raw)

    def _raw(self, rows: Sequence[int]) -> np.ndarray:
        return self._inputs[np.asarray(rows)]
