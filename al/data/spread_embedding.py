"""Who makes the vectors of samples that have none yet: this process, or others for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from al.contracts import Embedder
from al.data.embeddings import Embeddings
from al.data.encoders.network import device
from al.processor import processor_of


class SpreadEmbedding:
    """A part of Data Loaders whose samples an encoder may read; see `DataLoader.embed_by`."""

    _embeddings: Embeddings | None
    samples: Any
    _row: dict[str, int]

    def _raw(self, rows: Sequence[int]) -> Any:
        """Some samples as the encoder takes them."""
        raise NotImplementedError

    @property
    def embedded_on(self) -> str:
        return self._embeddings.processor if self._embeddings else ""

    def embed_by(self, embedder: Embedder | None, processor: Callable[[str], str]) -> None:
        """Let others embed, or those samples alone be embedded that are asked for."""
        if self._embeddings is None:
            return
        self._embeddings.made_on(processor(processor_of(device())))
        self._embeddings.alone = embedder is None
        if embedder is None:
            self._embeddings.by = None
            return

        def by(parts: Sequence[Sequence[int]]) -> Iterator[tuple[Sequence[int], np.ndarray]]:
            ids = self.samples.ids
            for part, rows in embedder([tuple(ids[row] for row in part) for part in parts]):
                yield [self._row[id] for id in part], rows

        self._embeddings.by = by

    def embedded(self, ids: Sequence[str]) -> np.ndarray:
        """What is kept of some samples' vectors, made now, [n, row]."""
        assert self._embeddings is not None
        return self._embeddings.fresh([self._row[id] for id in ids], self._raw)
