"""Vectors of samples, each made once by an encoder and kept for all campaigns."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np

from al.contracts import Encoder
from al.data.encoders.network import device, row_of
from al.data.packs import Packs
from al.errors import DataError
from al.kept import cache_folder
from al.processor import MIXED, processor_of
from al.progress import bar

_log = logging.getLogger(__name__)

#: Samples in a pack, which is what a kill costs, and images that are in memory at a time. Texts
#: are read together where they are of one length, of which there are many in a large pack.
PACK, PACK_OF_TEXTS, IMAGES = 512, 2048, 64
#: Images in a pack of grids, each of which takes some hundred kilobytes.
PACK_OF_GRIDS = 128
#: Version of what is kept of each; other versions are ignored.
FORMATS = {"images": 1, "texts": 2}

_By = Callable[[Sequence[Sequence[int]]], Iterable[tuple[Sequence[int], np.ndarray]]]


class Embeddings(Packs):
    """Vectors by the digest of the samples that they are of.

    Processes that embed the same samples take turns, a pack each, so that none is made twice.
    What processors of two kinds make is kept apart, as their last bits differ.

    Args:
        half: keep them as float16.

    Attributes:
        processor: the kind that makes them; see `al.processor`.
        by: gives packs of rows, each with what `fresh` makes of it elsewhere; None where this
            process embeds.
        alone: only what is asked for is embedded, as others embed the rest.
    """

    #: What is kept, in messages and as a folder.
    kept: ClassVar[str] = "embeddings"

    def __init__(self, encoder: Encoder, *, half: bool = False) -> None:
        self.encoder, self._half = encoder, half
        self.by: _By | None = None
        self.alone = False
        self.made_on(processor_of(device()))

    def made_on(self, processor: str) -> None:
        """Read and keep what such a processor makes."""
        self.processor = processor
        dtype = "float16" if self._half else "float32"
        made_by = hashlib.sha256(f"{self.encoder.digest} {processor}".encode()).hexdigest()[:16]
        folder = cache_folder(self.kept) / f"{made_by}-{dtype}-{FORMATS[self.encoder.takes]}"
        super().__init__(folder, (self.row,), dtype, self.kept)

    @property
    def pack(self) -> int:
        """Samples in a pack."""
        return PACK_OF_TEXTS if self.encoder.takes == "texts" else PACK

    @property
    def things(self) -> str:
        """What is embedded, in messages."""
        return self.encoder.takes

    @property
    def row(self) -> int:
        """Numbers that are kept of a sample."""
        return self.encoder.width

    def made(self, samples: Any) -> np.ndarray:
        """What is kept of some samples, [n, row]."""
        return self.encoder(samples)

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
        self.ensure(contents, every, samples)
        return self.read(contents).astype(np.float32, copy=False)

    def ensure(
        self,
        contents: Sequence[str],
        every: Sequence[str],
        samples: Callable[[Sequence[int]], Any],
    ) -> None:
        """Embed all there are where one of some is missing."""
        if all(content in self for content in contents):
            return
        if not self.alone:
            self._embed(every, samples)
            return
        asked = set(contents)
        self._embed([content if content in asked else "" for content in every], samples)

    def _embed(self, every: Sequence[str], samples: Callable[[Sequence[int]], Any]) -> None:
        self.recall()  # of another process meanwhile
        rows: dict[str, int] = {}
        for row, content in enumerate(every):
            if content and content not in self:
                rows.setdefault(content, row)
        left, begun = list(rows.items()), time.monotonic()
        if not left:
            return
        what = self.things
        if len(left) > self.pack:
            size = self.row * np.dtype(self.dtype).itemsize * len(left) / 1e6
            _log.info(f"{len(left)} {what} are embedded by {self.encoder.name}, once; what is kept "
                      f"takes {size:,.0f} MB")  # fmt: skip
        with bar(desc="embed", total=len(left), unit=what[:-1]) as progress:
            packs = [left[at : at + self.pack] for at in range(0, len(left), self.pack)]
            if self.by is not None:
                self._take(packs, progress.update)
                packs = []
            for pack in packs:
                self._embed_pack(dict(pack), samples, progress.update)
        seconds = max(time.monotonic() - begun, 1e-3)
        _log.info(
            f"{len(left)} {what} embedded by {self.encoder.name} and kept: "
            f"{len(left) / seconds:.0f} a second"
        )
        if not self.alone:
            self.trim(set(every))

    def fresh(self, rows: Sequence[int], samples: Callable[[Sequence[int]], Any]) -> np.ndarray:
        """What is kept of a pack of samples, made now, [n, row].

        Raises:
            DataError: one cannot be embedded, or this is another kind of processor.
        """
        here = processor_of(device())
        if self.processor not in (here, MIXED):
            raise DataError(
                f"encoder {self.encoder.name} runs on a {here} here, and the campaign's vectors "
                f"are of a {self.processor}, so last bits would differ: use machines of one kind "
                "(CUDA_VISIBLE_DEVICES= hides a GPU), or give mixed=yes in engine_options"
            )
        block = IMAGES if self.encoder.takes == "images" else self.pack
        made = [
            self.made(samples(rows[at : at + block])).astype(self.dtype, copy=False)
            for at in range(0, len(rows), block)
        ]
        return np.concatenate(made)

    def _take(self, packs: Sequence[Sequence[tuple[str, int]]], done: Callable[[int], Any]) -> None:
        """Keep what others embed, pack by pack as they come."""
        assert self.by is not None
        content = {row: name for pack in packs for name, row in pack}
        for rows, made in self.by([[row for _, row in pack] for pack in packs]):
            self.keep({content[row]: one for row, one in zip(rows, made, strict=True)})
            done(len(rows))

    def _embed_pack(
        self,
        rows: dict[str, int],
        samples: Callable[[Sequence[int]], Any],
        done: Callable[[int], Any],
    ) -> None:
        """Embed what no other process has embedded before its turn came."""
        from filelock import FileLock  # late: a served version needs none

        with nullcontext() if self.alone else FileLock(self.folder / "lock"):
            self.recall()
            new = [content for content in rows if content not in self]
            done(len(rows) - len(new))
            block = IMAGES if self.encoder.takes == "images" else self.pack
            found: dict[str, np.ndarray] = {}
            for start in range(0, len(new), block):
                some = new[start : start + block]
                made = self.fresh([rows[content] for content in some], samples)
                found.update(zip(some, made, strict=True))
                done(len(some))
            self.keep(found)


def gridded(encoder: Encoder, images: Any) -> np.ndarray:
    """Vectors of images with their maps behind them, as they are kept: float16 [n, row]."""
    most = np.finfo(np.float16).max
    return np.clip(encoder.grids(images), -most, most).astype(np.float16)


class Grids(Embeddings):
    """Vectors of images with maps of features behind them, float16, as `Encoder.grids` gives them.

    A row is read where it is used: all of them together never lie in memory.
    """

    kept: ClassVar[str] = "grids"

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder, half=True)

    @property
    def pack(self) -> int:
        return PACK_OF_GRIDS

    @property
    def row(self) -> int:
        return row_of(self.encoder.width, self.encoder.maps)

    def made(self, samples: Any) -> np.ndarray:
        return gridded(self.encoder, samples)

    def whole(
        self,
        contents: Sequence[str],
        every: Sequence[str],
        samples: Callable[[Sequence[int]], Any],
    ) -> np.ndarray:
        """Vectors and maps, float16 [n, row]; arguments as of `of`."""
        self.ensure(contents, every, samples)
        return self.read(contents)

    def of(
        self,
        contents: Sequence[str],
        every: Sequence[str],
        samples: Callable[[Sequence[int]], Any],
    ) -> np.ndarray:
        self.ensure(contents, every, samples)
        return self.read(contents, slice(self.encoder.width)).astype(np.float32)
