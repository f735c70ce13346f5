"""Your own texts, and what is named in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from al.catalog import tasks
from al.contracts import DataSpec, Graph, Task
from al.data.entities import HASHED, EntityFileLoader, entities_given, entity_inputs
from al.graphs import token_tagger


@tasks.register("text-entities")
class TextEntities(Task):
    """Your texts and the entities in them, as JSON lines or in the columns of CoNLL."""

    def __init__(
        self, data: str, text: str = "text", target: str = "entities", classes: str = "none"
    ) -> None:
        self._given = (data, text, target, classes)

    def data(self) -> EntityFileLoader:
        return EntityFileLoader(*self._given)

    def graph(self, spec: DataSpec) -> Graph:
        return token_tagger(spec, HASHED)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return entity_inputs(given, spec)

    def answers(self, spec: DataSpec, given: Any, predicted: Any) -> Any:
        return entities_given(given, spec, predicted)
