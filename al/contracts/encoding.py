"""What turns images or texts into vectors: a frozen pretrained model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import numpy as np

Encoded = Literal["images", "texts"]


class Encoder(ABC):
    """A frozen model that a Data Loader asks once about each sample.

    One of a catalog or by package.module:Object is made with nothing, or for images with
    `size=` where a user gave one. Making it is light: weights are read at the first call.

    Attributes:
        name: as a user writes it.
        digest: identity of all that its vectors depend on: weights, code and preparation.
        width: D.
        takes: what its samples are.
        size: of images, the side in pixels that they have; 0 for texts.
        maps: of features that `grids` gives of an image, (channels, side) each, the finest first;
            none where it gives none.
    """

    name: str
    digest: str
    width: int
    takes: ClassVar[Encoded]
    size: int = 0
    maps: Sequence[tuple[int, int]] = ()
    #: Whether `words` gives vectors of the words of a text.
    reads_words: ClassVar[bool] = False
    #: Whether it is a torch network, which `module` gives to be trained further.
    trains: ClassVar[bool] = False
    #: Extra of this project that brings what it needs.
    extra: ClassVar[str] = ""
    #: Packages that it imports, which a served version needs.
    packages: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, samples: Any) -> np.ndarray:
        """The vectors, float32 [n, D]; none depends on what else is among the samples.

        Args:
            samples: uint8 [n, size, size, 3], or a sequence of n texts.

        Raises:
            DataError: the model is not what its digest says, or cannot take the samples.
        """

    def grids(self, samples: Any) -> np.ndarray:
        """Of each image its vector and behind it its maps, [channels, side, side] each, flattened:
        float32 [n, width + Σ channels · side²]. Asked for where there are `maps` only.

        Raises:
            DataError: as of a call.
        """
        raise NotImplementedError

    def words(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> Sequence[np.ndarray]:
        """Of each text a vector for each of its words, float32 [words, D]; 0 where the model reads
        no further. Asked for where it `reads_words` only.

        Args:
            spans: first character of each word and the one behind its last, in code points.

        Raises:
            DataError: as of a call.
        """
        raise NotImplementedError

    def raw(self, samples: Any) -> np.ndarray:
        """Samples as `module` takes them, numbers [n, …] of one shape. Asked for where it `trains`
        only."""
        raise NotImplementedError

    def module(self) -> Any:
        """A copy of its network, a torch module to be trained further: what `raw` gives, as floats,
        → vectors [n, D]. Asked for where it `trains` only.

        Raises:
            DataError: as of a call.
        """
        raise NotImplementedError

    @classmethod
    def missing(cls) -> Sequence[str]:
        """Those of its packages that are not installed."""
        from importlib.util import find_spec

        return [name for name in cls.packages if find_spec(name) is None]
