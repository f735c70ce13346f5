"""Your own texts, in a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import TextFileLoader, texts_given
from al.graphs import ClassificationGraph, text_embedding, text_linear

NETWORKS = {"embedding": text_embedding, "linear": text_linear}


@tasks.register("text")
class Text(Task):
    """Your texts in a CSV or parquet file: hashed words, or a Hugging Face model's folder."""

    metric = "accuracy"

    def __init__(self, data: str, text: str, target: str, estimator: str = "embedding") -> None:
        self._data, self._text, self._target = data, text, target
        self._network = NETWORKS.get(estimator, text_embedding)
        self._model = "" if estimator in NETWORKS else estimator

    def data(self) -> TextFileLoader:
        return TextFileLoader(self._data, self._text, self._target, self._model)

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        return self._network(spec, ("accuracy", "macro_f1"))

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return texts_given(given, spec, self._model)
