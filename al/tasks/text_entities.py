"""Your own texts, and what is named in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Graph, Task
from al.data import encoding
from al.data.entities import (
    FEATURES,
    HASHED,
    EntityFileLoader,
    entities_given,
    entity_inputs,
    reading_words,
)
from al.graphs import token_tagger


@tasks.register("text-entities")
class TextEntities(Task):
    """Your texts and the entities in them, as JSON lines or in the columns of CoNLL."""

    def __init__(
        self,
        data: str,
        text: str = "text",
        target: str = "entities",
        classes: str = "none",
        encoder: str = "auto",
    ) -> None:
        self._given, self._encoder = (data, text, target, classes), encoder

    @classmethod
    def encodes(cls, given: Mapping[str, Any]) -> str:
        return "texts"

    def data(self) -> EntityFileLoader:
        encoder = reading_words(encoding.encoder_named(self._encoder, "texts"))
        return EntityFileLoader(*self._given, encoder)

    def graph(self, spec: DataSpec) -> Graph:
        return token_tagger(spec, HASHED, FEATURES)

    def ready(self, spec: DataSpec) -> None:
        if encoder := encoding.encoder_of(spec):
            encoder.words(encoding.blank(encoder), [[]])

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return entity_inputs(given, spec)

    def answers(self, spec: DataSpec, given: Any, predicted: Any) -> Any:
        return entities_given(given, spec, predicted)
