"""What tasks share whose samples a pretrained encoder can read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from al.agents import FineTuneAgent, HeadAgent
from al.contracts import DataSpec, Encoder, Graph, Task
from al.contracts.encoding import Encoded
from al.data import encoding, images_given
from al.data.image_loader import grids_given, squares_given
from al.errors import ConfigError
from al.graphs import AUGMENTS, TorchGraph, head_on, small_cnn

LINEAR, MLP = "linear", "mlp"


class EncodedTask(Task):
    """A head on the vectors of an encoder, or a network on the samples themselves.

    Args:
        encoder: see `al.data.encoding`.
        head: on its vectors: linear or mlp.
        embeddings: precision in which they are kept: float32 or float16.
        finetune: on to train the encoder with its head.
    """

    #: What its samples are.
    samples: ClassVar[Encoded]
    #: Metrics of classes beside the loss.
    measures: ClassVar[tuple[str, ...]] = ("accuracy",)

    def __init__(
        self,
        encoder: str = encoding.AUTO,
        head: str = LINEAR,
        embeddings: str = "float32",
        size: int = 0,
        finetune: str = "off",
    ) -> None:
        self._named, self._head, self._half = encoder, head, embeddings == "float16"
        self._side, self._trained = size, finetune == "on"
        if self._trained and head != LINEAR:
            raise ConfigError(
                f"head={head}: finetune=on begins with a linear head that is fitted: leave head "
                "out, or finetune"
            )
        fitted = head == LINEAR and encoding.reads(encoder, self.samples)
        self.agent = (FineTuneAgent if self._trained else HeadAgent) if fitted else None

    @classmethod
    def encodes(cls, given: Mapping[str, Any]) -> str:
        return cls.samples

    def encoder(self) -> Encoder | None:
        """The encoder that was named.

        Raises:
            AlError: it is not there, or cannot take these samples.
        """
        found = encoding.encoder_named(self._named, self.samples, self._side)
        if found is None and self._head != LINEAR:
            raise ConfigError(
                f"head={self._head} needs an encoder, and there is none: give an encoder, or leave "
                "head out"
            )
        return encoding.to_train(found) if self._trained else found

    @abstractmethod
    def network(self, spec: DataSpec) -> Graph:
        """What learns where there is no encoder."""

    def graph(self, spec: DataSpec) -> Graph:
        if encoding.DETAIL not in spec.details:
            return self.network(spec)
        reader = None
        if encoding.is_trained(spec):
            encoder = encoding.encoder_of(spec)
            assert encoder is not None
            reader = encoder.module()
        return head_on(spec, self._head, self.measures, reader)

    def ready(self, spec: DataSpec) -> None:
        if encoder := encoding.encoder_of(spec):
            encoding.taken_in(encoder, spec, encoding.blank(encoder))


class MappedTask(Task):
    """Masks or boxes: a small head on an encoder's maps of features, or a network on the images.

    Args:
        encoder: see `al.data.encoding`.
        size: side of the squares in pixels; 0 for the encoder's, or `usual` without one.
        usual: see there.
    """

    def __init__(self, encoder: str, size: int, usual: int) -> None:
        self._named, self._asked_side, self._side = encoder, size, size or usual

    @classmethod
    def encodes(cls, given: Mapping[str, Any]) -> str:
        return "images"

    def encoder(self) -> Encoder | None:
        """The encoder that was named.

        Raises:
            AlError: it is not there, takes no images, or makes no maps of them.
        """
        found = encoding.encoder_named(self._named, "images", self._asked_side)
        return encoding.with_maps(found)

    @abstractmethod
    def head(self, spec: DataSpec) -> Graph:
        """What learns on maps of features."""

    @abstractmethod
    def network(self, spec: DataSpec) -> Graph:
        """What learns where there is no encoder."""

    def graph(self, spec: DataSpec) -> Graph:
        return self.head(spec) if encoding.DETAIL in spec.details else self.network(spec)

    def ready(self, spec: DataSpec) -> None:
        if encoder := encoding.encoder_of(spec):
            encoder.grids(encoding.blank(encoder))


class BuiltInMapped(MappedTask):
    """Masks or boxes of a data set that the project knows: without an encoder unless one is named,
    as its published figures are."""

    def __init__(self, encoder: str = encoding.NONE, image_size: int = 0) -> None:
        super().__init__(encoder, image_size, 0)
        if image_size and encoder == encoding.NONE:
            raise ConfigError(
                f"image_size={image_size}: without an encoder this task's images have one size: "
                "leave image_size out, or name an encoder"
            )

    @classmethod
    def encodes(cls, given: Mapping[str, Any]) -> str:
        return "images" if "encoder" in given else ""

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        if encoding.DETAIL not in spec.details:
            return super().inputs(spec, given)
        return grids_given(squares_given(given, spec.image_shape[0]), spec)


class OwnImages(EncodedTask):
    """Classes of a user's own images; what they are read from, a subclass says."""

    samples: ClassVar[Encoded] = "images"

    def __init__(
        self,
        encoder: str,
        head: str,
        embeddings: str,
        size: int,
        augment: str = "off",
        finetune: str = "off",
    ) -> None:
        super().__init__(encoder, head, embeddings, size, finetune)
        self._augment = augment

    def encoder(self) -> Encoder | None:
        found = super().encoder()
        if found is not None and AUGMENTS[self._augment] is not None and not self._trained:
            raise ConfigError(
                f"augment={self._augment} moves images each time that they are trained on, and an "
                "encoder reads each one once: leave augment out, or pass finetune=on or "
                "encoder=none"
            )
        return found

    def network(self, spec: DataSpec) -> Graph:
        return small_cnn(spec)

    def graph(self, spec: DataSpec) -> Graph:
        graph = super().graph(spec)
        assert isinstance(graph, TorchGraph)
        graph.augment = AUGMENTS[self._augment]
        return graph

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return images_given(given, spec)
