"""Boxes out of a served version, in pixels of the images that were handed in."""

from __future__ import annotations

import json
from typing import Any

from al.contracts import DataSpec
from al.data.mask_serving import places_given


def boxes_given(given: Any, spec: DataSpec, predicted: Any) -> Any:
    """Boxes in squares, a row each, as a user of a served version gets them.

    Of a table a table with a row an image: `boxes`, JSON of a list of label, score and box (x, y,
    width, height in pixels of the image), the surest first, and their `count`. Of an array they
    stay a row a box.

    Args:
        predicted: with columns sample, label, score, x, y, width and height.
    """
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        return predicted
    places = places_given(given, len(given), spec.image_shape[0])
    found: list[list[dict[str, Any]]] = [[] for _ in places]
    for row in predicted.itertuples(index=False):
        sides = places[row.sample].back([row.x, row.y, row.width, row.height])
        box = [round(float(side), 1) for side in sides]
        found[row.sample].append({"label": row.label, "score": round(row.score, 4), "box": box})
    texts = [json.dumps(boxes, ensure_ascii=False) for boxes in found]
    counts = [len(boxes) for boxes in found]
    return pd.DataFrame({"boxes": pd.Series(texts, dtype=object), "count": counts})
