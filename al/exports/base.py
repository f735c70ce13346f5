"""What a format is given, and what it says of itself."""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from al.contracts import DataLoader, Label, Preview
from al.errors import ExportError
from al.kinds import Kind, kind_of
from al.progress import bar

if TYPE_CHECKING:
    from PIL.Image import Image

#: Longest stem of a file; systems take 255 bytes with what is added to it.
_STEM = 80


class Guess(NamedTuple):
    """A model's prediction for a sample: the model's URI, the label, and the confidence."""

    model: str
    label: Label
    confidence: float


@dataclass(frozen=True)
class Labels:
    """The labels of a campaign.

    Attributes:
        frame: a row a label, in the order of asking: `id`, `label` in JSON, and where it came
            from.
        pictures: whether formats that can do without the samples' images write them.
        guesses: of models, by sample, for formats that show them.
    """

    campaign: str
    data: DataLoader
    frame: pd.DataFrame
    pictures: bool = True
    guesses: Mapping[str, Guess] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """What a label is."""
        return kind_of(self.data.spec)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their positions."""
        known = self.data.spec.classes
        if self.kind.form != "choice":
            return known
        return (*known, *sorted({str(value) for value in self.values} - set(known)))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of the samples, in the order of the rows."""
        return tuple(self.frame["id"])

    @property
    def values(self) -> Iterator[Label]:
        """The labels, in the order of the rows; those with places in them in the pixels of the
        picture."""
        for id, label in zip(self.ids, self.frame["label"], strict=True):
            yield self.data.on_picture(id, json.loads(label))

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """A file's name for each sample, without its ending: its id, less what files forbid.

        Ids that differ by capital letters or such signs alone get a part of their digest.
        """
        plain = [re.sub(r"[^\w.-]+", "_", id).strip("._")[:_STEM] for id in self.ids]
        folded = pd.Series([stem.casefold() for stem in plain])
        unclear = folded.duplicated(keep=False).to_numpy()
        return tuple(
            f"{stem}-{_digest(id)}".lstrip("-") if twice or not stem else stem
            for id, stem, twice in zip(self.ids, plain, unclear, strict=True)
        )

    def __iter__(self) -> Iterator[tuple[str, str, Label]]:
        """Id, stem and label of each sample, with a progress bar."""
        with bar(desc="export", total=len(self.ids), unit="label") as progress:
            for row in zip(self.ids, self.stems, self.values, strict=True):
                yield row
                progress.update()

    @cached_property
    def shown(self) -> Preview:
        """The first sample as a person sees it: all are an image, a text or a row as it is."""
        return self.data.preview(self.ids[0])

    def image(self, id: str) -> np.ndarray:
        """A sample's image in the size that its label is given in; uint8 [H, W, 3]."""
        image = self.data.picture(id)
        assert image is not None  # formats that need images say so
        return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image

    def text(self, id: str) -> str:
        """A sample's text."""
        return str(self.data.preview(id).text)

    def file(self, id: str) -> Path | None:
        """The sample's own file, where it lies on this machine."""
        source = self.data.source(id)
        path = Path(source) if source and "://" not in source else None
        return path if path is not None and path.is_file() else None


class Format(ABC):
    """How labels are written into a folder that nobody else sees yet.

    The first line of a subclass's docstring stands in `--help` and in the docs.
    """

    #: The forms of answers that it can hold, see `Kind.form`; None for all.
    forms: ClassVar[frozenset[str] | None] = None
    #: What the samples have to be: "image", "text", "row"; empty for any.
    shown: ClassVar[frozenset[str]] = frozenset()
    #: Whether it records who gave each label, so that models' and people's stay distinguishable.
    says_who: ClassVar[bool] = False
    #: Whether it holds a model's predictions beside people's labels.
    shows_guesses: ClassVar[bool] = False

    @abstractmethod
    def write(self, labels: Labels, folder: Path) -> None:
        """Write all labels.

        Raises:
            ExportError: the format cannot hold one of them.
        """


def as_png(image: np.ndarray, path: Path) -> None:
    """Write an image, making the folder that it goes into."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(image).save(path, "PNG")


def picture(image: np.ndarray) -> Image:
    """An image as Pillow has it."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(image))


def as_folder(name: str) -> str:
    """A class's name as that of a folder.

    Raises:
        ExportError: it cannot be one.
    """
    if not name.strip(". ") or re.search(r"[/\\\x00-\x1f]", name):
        raise ExportError(f"class {name!r} cannot be a folder: take another format")
    return name


def _digest(id: str) -> str:
    return hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
