"""Your own texts, in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Graph
from al.contracts.encoding import Encoded
from al.data import Asked, TextFileLoader, texts_given
from al.data.legend import classes_named
from al.errors import ConfigError, did_you_mean
from al.graphs import text_embedding, text_linear
from al.tasks.encoded import EncodedTask

#: Networks on hashed words, where no encoder reads the texts.
NETWORKS = {"embedding": text_embedding, "linear": text_linear}


@tasks.register("text")
class Text(EncodedTask):
    """Your texts in a CSV or parquet file, read by a language model or as hashed words."""

    samples: ClassVar[Encoded] = "texts"
    measures: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1")

    def __init__(
        self,
        data: str,
        text: str,
        target: str,
        estimator: str = "none",
        encoder: str = "auto",
        head: str = "linear",
        embeddings: str = "float32",
        finetune: str = "off",
        missing_labels: str = "none",
        label_separator: str = "none",
        separator: str = "auto",
        sheet: str = "auto",
        classes: str = "none",
    ) -> None:
        if estimator not in ("none", *NETWORKS):
            raise ConfigError(
                f"estimator={estimator}: {did_you_mean(estimator, NETWORKS)}; a Hugging Face "
                f"model is encoder={estimator}"
            )
        if estimator != "none" and encoder not in ("auto", "none"):
            raise ConfigError(
                f"estimator={estimator} learns from hashed words, not from what encoder={encoder} "
                "makes: leave one of them out"
            )
        encoder = "none" if estimator != "none" else encoder
        super().__init__(encoder, head, embeddings, finetune=finetune)
        self._data, self._text, self._target = data, text, target
        self._asked = Asked(
            missing_labels=missing_labels, label_separator=label_separator,
            separator=separator, sheet=sheet, classes=classes_named(classes),
        )  # fmt: skip
        self._network = NETWORKS.get(estimator, text_embedding)

    @classmethod
    def encodes(cls, given: Mapping[str, Any]) -> str:
        return "" if "estimator" in given else cls.samples

    def data(self) -> TextFileLoader:
        return TextFileLoader(
            self._data, self._text, self._target, self.encoder(),
            half=self._half, trained=self._trained, asked=self._asked,
        )  # fmt: skip

    def network(self, spec: DataSpec) -> Graph:
        return self._network(spec, self.measures)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return texts_given(given, spec)
