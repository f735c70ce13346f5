"""Vectors of samples, each made once by an encoder and kept for all campaigns."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from al.contracts import Encoder
from al.data.packs import Packs
from al.kept import cache_folder
from al.progress import bar

_log = logging.getLogger(__name__)

#: Samples in a pack, which is what a kill costs, and images that are in memory at a time.
PACK, IMAGES = 512, 64
#: Version of what is kept: another one is never read.
FORMAT = 1


class Embeddings(Packs):
    """Vectors by the digest of the samples that they are of.

    Processes that embed the same samples take turns, a pack each, so that none is made twice.

    Args:
        half: keep them as float16.
    """

    def __init__(self, encoder: Encoder, *, half: bool = False) -> None:
        from al.data.encoders.network import device

        self.encoder = encoder
        dtype = "float16" if half else "float32"
        made_by = hashlib.sha256(f"{encoder.digest} {device()}".encode()).hexdigest()[:16]
        folder = cache_folder("embeddings") / f"{made_by}-{dtype}-{FORMAT}"
        super().__init__(folder, (encoder.width,), dtype, "embeddings")

    def of(
        self,
        contents: Sequence[str],
        every: Sequence[str],
        samples: Callable[[Sequence[int]], Any],
    ) -> np.ndarray:
        """The vectors of some samples, float32 [n, D].

        Where one is missing, all that there are and have none are embedded.

        Args:
            contents: their digests.
            every: digests of all samples there are.
            samples: rows of these → samples as the encoder takes them.

        Raises:
            DataError: one cannot be embedded, or they cannot be written.
        """
        if not all(content in self for content in contents):
            self._embed(every, samples)
        return self.read(contents).astype(np.float32, copy=False)

    def _embed(self, every: Sequence[str], samples: Callable[[Sequence[int]], Any]) -> None:
        self.recall()  # of another process meanwhile
        rows: dict[str, int] = {}
        for row, content in enumerate(every):
            if content not in self:
                rows.setdefault(content, row)
        left, begun = list(rows.items()), time.monotonic()
        if not left:
            return
        what = self.encoder.takes
        if len(left) > PACK:
            _log.info(f"{len(left)} {what} are embedded by {self.encoder.name}, once")
        with bar(desc="embed", total=len(left), unit=what[:-1]) as progress:
            for start in range(0, len(left), PACK):
                some = dict(left[start : start + PACK])
                self._embed_pack(some, samples, progress.update)
        seconds = max(time.monotonic() - begun, 1e-3)
        _log.info(
            f"{len(left)} {what} embedded by {self.encoder.name} and kept: "
            f"{len(left) / seconds:.0f} a second"
        )
        self.trim(set(every))

    def _embed_pack(
        self,
        rows: dict[str, int],
        samples: Callable[[Sequence[int]], Any],
        done: Callable[[int], Any],
    ) -> None:
        """Embed what no other process has embedded before its turn came."""
        from filelock import FileLock  # late: a served version needs none

        block = IMAGES if self.encoder.takes == "images" else PACK
        with FileLock(self.folder / "lock"):
            self.recall()
            new = [content for content in rows if content not in self]
            done(len(rows) - len(new))
            found: dict[str, np.ndarray] = {}
            for start in range(0, len(new), block):
                some = new[start : start + block]
                vectors = self.encoder(samples([rows[content] for content in some]))
                found.update(zip(some, vectors, strict=True))
                done(len(some))
            self.keep(found)
