"""Entities out of a served version."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from al.contracts import DataSpec
from al.data.encoding import encoder_of
from al.data.entities.tokens import rows_of, together
from al.data.entities.vectors import words_of
from al.data.texts import texts_in


def entity_inputs(given: Any, spec: DataSpec) -> np.ndarray:
    """What a user hands to a served version, texts or a table with a column of them, as tokens.

    Raises:
        DataError, SamplesError: as of `al.data.texts.texts_in`.
    """
    texts, encoder = texts_in(given, spec), encoder_of(spec)
    rows = [rows_of(text) for text in texts]
    if encoder is not None:
        vectors = words_of(texts, encoder)
        rows = [
            np.concatenate([own, vectors[text].astype(np.float16)], axis=1, dtype=np.float32)
            for text, own in zip(texts, rows, strict=True)
        ]
    return together(rows, spec.input_shape[0])


def entities_given(given: Any, spec: DataSpec, predicted: Any) -> Any:
    """Entities, a row each, as a user of a served version gets them.

    Of a table a table with a row a text: `entities`, JSON of a list of start, end (in code points),
    label, score and the text between, in their order, and their `count`. Of a list of texts they
    stay a row an entity.

    Args:
        predicted: with columns sample, label, start, end and score.
    """
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        return predicted
    texts = [str(text) for text in given[spec.details["text"]]]
    found: list[list[dict[str, Any]]] = [[] for _ in texts]
    for row in predicted.itertuples(index=False):
        start, end = int(row.start), int(row.end)
        found[row.sample].append(
            {
                "start": start,
                "end": end,
                "label": row.label,
                "score": round(float(row.score), 4),
                "text": texts[row.sample][start:end],
            }
        )
    cells = [json.dumps(entities, ensure_ascii=False) for entities in found]
    counts = [len(entities) for entities in found]
    return pd.DataFrame({"entities": pd.Series(cells, dtype=object), "count": counts})
