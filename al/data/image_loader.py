"""A Data Loader over image files, some of which have a class."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from al.contracts import DataSpec, Encoder, Label, Preview
from al.data.classes import class_names, spec_of_classes
from al.data.delimited import log_once
from al.data.embeddings import Embeddings, Grids, gridded
from al.data.encoding import check_encoder, detail_of, encoder_of, inputs_of, taken_in
from al.data.images import About, decode, preview
from al.data.own import READING, OwnLoader, Samples
from al.data.pictures import Pictures, Seen
from al.data.spread_embedding import SpreadEmbedding
from al.errors import DataError, SamplesError

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

#: Files that cannot be read and are named one by one; longest side of a preview, and of what is
#: looked at closely.
NAMED, PREVIEW, DETAIL = 3, 512, 2048


@dataclass(frozen=True)
class ImageFile:
    """An image and what is known of it.

    Attributes:
        path: below the root, with /.
        label: or what a subclass makes it of.
        place: where it stands, for messages.
        more: columns of metadata.
    """

    id: str
    path: str
    label: Label | None
    split: str
    place: str
    more: Mapping[str, Any] = field(default_factory=dict)


class ImageLoader(SpreadEmbedding, OwnLoader):
    """Images decoded and resized once; damaged files are left out and reported.

    Args:
        root: folder that all paths start from.
        size: side in pixels that images are brought to where no encoder says it.
        what: what the images are called in messages.
        encoder: makes vectors of them, which are the inputs then.
        half: keep the vectors as float16.
        trained: the encoder is trained further, so that images are the inputs.
    """

    #: Whether the data gives ids beside the paths.
    named = False
    #: Classes that the user names; see `class_names`.
    asked: Sequence[str] = ()
    #: Whether an encoder's maps of features are the inputs, rather than its vectors.
    mapped = False

    def __init__(
        self,
        root: Path,
        size: int,
        what: str,
        encoder: Encoder | None = None,
        *,
        half: bool = False,
        trained: bool = False,
    ) -> None:
        self.root, self._what, self._encoder, self._trained = root, what, encoder, trained
        size = encoder.size if encoder else size
        self.pictures = Pictures(size)
        self._grids = Grids(encoder) if encoder and self.mapped else None
        self._embeddings = self._grids or (Embeddings(encoder, half=half) if encoder else None)
        self.skipped: dict[str, str] = {}  # path → why
        samples = self._looked()
        shape: tuple[int, ...] = (size, size, 3)
        dtype = "uint8"
        if encoder:
            shape, dtype = inputs_of(encoder, trained=trained)
        read = detail_of(encoder, maps=self.mapped, trained=trained)
        more = {**read, "reading": READING, **self.details()}
        if self._grids is not None:
            shape, dtype = (self._grids.row,), "float16"
            more["image_shape"] = [size, size]
        super().__init__(samples, self.spec_for(samples, shape, dtype, more))

    def spec_for(
        self, samples: Samples, shape: tuple[int, ...], dtype: str, more: Mapping[str, Any]
    ) -> DataSpec:
        """The spec of such samples; by default of one class each."""
        names = class_names(samples.labels, samples.places, self._what, self.asked)
        return spec_of_classes([*names, *self.more_classes(names)], shape, dtype, **more)

    @abstractmethod
    def files(self) -> list[ImageFile]:
        """What there is now, in any order."""

    def more_classes(self, names: Sequence[str]) -> list[str]:
        """Classes that no sample has yet."""
        return []

    def labels_of(self, files: Sequence[ImageFile]) -> list[Label | None]:
        """The labels of files that can be read, whose `abouts` are known."""
        return [file.label for file in files]

    def details(self) -> Mapping[str, Any]:
        """What the spec keeps of how the files are looked at."""
        return {}

    def adopt(self, spec: DataSpec) -> None:
        check_encoder(self._encoder, spec)
        super().adopt(spec)

    def refresh(self) -> None:
        with self.looking_again():
            self.take(self._looked())
            self.check_known()

    def _looked(self) -> Samples:
        """Look at the files; decode what is new."""
        files = sorted(self.files(), key=lambda file: file.id)
        if not files:
            raise DataError(f"no images found in {self._what}: give a folder of PNG, JPEG, WebP "
                            "or TIFF files")  # fmt: skip
        seen = Seen(self.root, self.pictures).look(list({file.path for file in files}))
        gone = {file.path: "no such file" for file in files if file.path not in seen}
        skipped = {path: look.why for path, look in sorted(seen.items()) if look.why} | gone
        there = [f for f in files if f.path in seen and f.path not in skipped]
        if not there:
            path, why = next(iter(skipped.items()))
            raise DataError(f"none of the {len(files)} images in {self._what} can be read, "
                            f"{path} ({why}) first: check the files")  # fmt: skip
        self._tell_skipped(skipped, len(files))
        self._tell_frames(sorted(file.path for file in there if seen[file.path].about[2] > 1))
        self.paths = [file.path for file in there]
        self._more = [file.more for file in there]
        self.abouts = [About(*seen[file.path].about) for file in there]
        return Samples(
            [file.id for file in there],
            self.labels_of(there),
            [file.split for file in there],
            [seen[file.path].content for file in there],
            [file.place for file in there],
            self.named,
        )

    def _tell_skipped(self, skipped: dict[str, str], total: int) -> None:
        if skipped and skipped != self.skipped:
            named = [f"{path} ({why})" for path, why in list(skipped.items())[:NAMED]]
            more = f" and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
            _log.warning(f"{len(skipped)} of {total} images cannot be read and are left out: "
                f"{', '.join(named)}{more}")  # fmt: skip
        self.skipped = skipped

    def _tell_frames(self, several: Sequence[str]) -> None:
        if several:
            log_once(
                f"{self._what}: {len(several)} images hold several pictures, {several[0]!r} first: "
                "of each the first is used; save the others as files of their own to use them",
                _log,
            )

    # -- samples ---------------------------------------------------------------------------

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        if self._embeddings is None or self._trained:
            return torch.from_numpy(self._decoded(rows.tolist()))
        read = self._embeddings.of if self._grids is None else self._grids.whole
        return torch.from_numpy(self._read(read, rows))

    def features(self, ids: Sequence[str]) -> np.ndarray:
        """The encoder's vectors where there is one, else pixels."""
        if self._embeddings is None:
            return super().features(ids)
        return self._read(self._embeddings.of, self.rows(ids))

    def _read(self, read: Callable[..., np.ndarray], rows: np.ndarray) -> np.ndarray:
        """What an encoder made of some rows; all there are, are embedded where one is missing."""
        every = self.samples.contents
        return read([every[row] for row in rows], every, self._decoded)

    def _raw(self, rows: Sequence[int]) -> np.ndarray:
        return self._decoded(rows)

    def _decoded(self, rows: Sequence[int]) -> np.ndarray:
        """Some images, uint8 [n, size, size, 3]."""
        return self.pictures.read([self.samples.contents[row] for row in rows])

    def source(self, id: str) -> str | None:
        return str(self.root / self.paths[self._row[id]])

    def preview(self, id: str) -> Preview:
        """The file itself; as the model sees it where the file is gone."""
        row = self._row[id]
        try:
            return Preview(image=preview((self.root / self.paths[row]).read_bytes(), PREVIEW))
        except (OSError, DataError):
            return Preview(image=self._decoded([row])[0])

    def detail(self, id: str) -> np.ndarray | None:
        try:
            return preview((self.root / self.paths[self._row[id]]).read_bytes(), DETAIL)
        except (OSError, DataError):
            return self.picture(id)

    def metadata(self, ids: Sequence[str]) -> pd.DataFrame:
        """Path and folder of each file, its brightness and contrast, and what else is known."""
        import pandas as pd

        rows = self.rows(ids)
        paths = [self.paths[row] for row in rows]
        table = pd.DataFrame([self._more[row] for row in rows], index=pd.Index(ids, name="id"))
        means, stds = [], []
        for block in np.array_split(rows, max(1, len(rows) // 1024)):
            flat = self._decoded(block.tolist()).reshape(len(block), -1).astype(np.float32)
            means.append(flat.mean(axis=1))
            stds.append(flat.std(axis=1))
        own: dict[str, Any] = {
            "path": paths,
            "folder": [path.rpartition("/")[0] for path in paths],
            "mean": np.concatenate(means).astype(float),
            "std": np.concatenate(stds).astype(float),
        }
        for name, values in own.items():
            if name not in table.columns:
                table[name] = values
        return table

    def example(self) -> pd.DataFrame:
        """Two files as they are: a column `image` of bytes."""
        import pandas as pd

        paths = [self.root / self.paths[row] for row in self.rows(self.ids("train")[:2])]
        return pd.DataFrame({"image": [path.read_bytes() for path in paths]})


def images_given(given: Any, spec: DataSpec) -> np.ndarray:
    """What a user hands to a served version as its graph takes it.

    A table with a column `image` of files' bytes (over REST in base64) or paths, or an array of
    squares of the side that images have: uint8 [n, size, size, 3], or the vectors that the encoder
    of the version makes of them.

    Raises:
        SamplesError: says which rows are not images.
    """
    encoder = encoder_of(spec)
    size = encoder.size if encoder else spec.input_shape[0]
    images = squares_given(given, size)
    return taken_in(encoder, spec, images) if encoder else images


def grids_given(images: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Squares as the graph of a spec takes them: themselves, or what its encoder makes of them,
    float16 [n, …]."""
    encoder = encoder_of(spec)
    return gridded(encoder, images) if encoder else images


def squares_given(given: Any, size: int) -> np.ndarray:
    """Images that a user hands in as squares, uint8 [n, size, size, 3].

    Raises:
        SamplesError: says which rows are not images.
    """
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        found = np.asarray(given, dtype=np.uint8)
        if found.shape[1:] != (size, size, 3):
            raise DataError(
                f"images of shape {found.shape[1:]} are not {(size, size, 3)}: give squares of "
                "that side, or a column `image` of files' bytes"
            )
        return found
    found, wrong = np.zeros((len(given), size, size, 3), np.uint8), {}
    for row, content in enumerate(given["image"]):
        try:
            found[row] = decode(content_of(content), size)
        except (DataError, OSError) as error:
            wrong[row] = getattr(error, "strerror", None) or str(error)
    if wrong:
        raise SamplesError(wrong, "an image that can be read")
    return found


def content_of(cell: Any) -> bytes:
    """A cell of images: a file's bytes, or its path.

    Raises:
        DataError: it is neither.
        OSError: there is no such file, or it cannot be read.
    """
    if isinstance(cell, str | Path):
        return Path(cell).read_bytes()
    if isinstance(cell, bytes | bytearray | memoryview):
        return bytes(cell)
    raise DataError("neither a file's bytes nor its path")
