"""Work on many rows of the label table at once: by column, and no more of them than needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from al.contracts import Label
from al.state.rows import as_json

#: Pieces of memory that a column of texts may lie in before they are brought together.
PIECES = 64
#: What has to be escaped where JSON is written in ASCII.
_ESCAPED = r"[^ !#-\[\]-~]"


def renumbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its rows counted from 0."""
    return frame.reset_index(drop=True)


def some_of(frame: pd.DataFrame, where: pd.Series) -> pd.DataFrame:
    """Some rows; texts before the first and after the last of them are not touched."""
    at = np.flatnonzero(where)
    if not len(at):
        return frame.iloc[:0]
    between = slice(at[0], at[-1] + 1)
    return frame.iloc[between][where.iloc[between]]


def by_id(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Rows by id, each as a dict."""
    records = frame.to_dict("records")
    return {row["id"]: {str(name): value for name, value in row.items()} for row in records}


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames below each other; texts are not copied, until they lie in many pieces."""
    found = pd.concat(frames, ignore_index=True)
    if _pieces(found["id"]) > PIECES:
        texts = [str(name) for name, kind in found.dtypes.items() if kind == "str"]
        found = found.assign(**{n: pd.Series(found[n].tolist(), dtype="str") for n in texts})
    return found


def _pieces(column: pd.Series) -> int:
    """How many pieces of memory a column of texts lies in."""
    import pyarrow as pa

    return int(getattr(pa.array(column), "num_chunks", 1))


def labels_in(texts: Sequence[str]) -> list[Label | None]:
    """Labels in JSON, None for no text; equal ones are read once, where nobody can change them."""
    fixed = {text for text in texts if text[:1] not in ("[", "{")}
    known = {text: json.loads(text) if text else None for text in fixed}
    return [known[text] if text in known else json.loads(text) for text in texts]


def texts_of(labels: Sequence[Label | None]) -> list[str]:
    """Labels in JSON, no text for None; where all are texts, equal ones are written once."""
    if {str, type(None)}.issuperset(map(type, labels)):
        known = {label: "" if label is None else as_json(label) for label in set(labels)}
        return [known[label] for label in labels]
    return ["" if label is None else as_json(label) for label in labels]


def differing(frame: pd.DataFrame, before: pd.DataFrame) -> np.ndarray:
    """Which rows are new or otherwise than before, [N]; the first rows have the same ids."""
    count = len(before)
    found = np.ones(len(frame), bool)
    found[:count] = False
    for name in frame.columns:
        mine, theirs = frame[name].iloc[:count], before[name]
        if not mine.equals(theirs):
            other = (mine.to_numpy() != theirs.to_numpy()) & ~(mine.isna() & theirs.isna())
            found[:count] |= np.asarray(other, bool)
    return found


def pairs_digest(ids: pd.Series, labels: pd.Series) -> str:
    """Digest of the JSON of sorted pairs; 32 hexadecimal digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pairs = pa.table({"id": pa.array(ids), "label": pa.array(labels)})
    if len(pairs) < PIECES or pc.any(pc.match_substring_regex(pairs["id"], _ESCAPED)).as_py():
        text = json.dumps(sorted(zip(ids.tolist(), labels.tolist(), strict=True)))
        return hashlib.sha256(text.encode()).hexdigest()[:32]
    pairs = pairs.sort_by([("id", "ascending"), ("label", "ascending")])  # UTF-8 sorts as texts do
    whole, labels = pa.large_string(), pairs["label"].combine_chunks().dictionary_encode()
    texts = pa.array([json.dumps(label) for label in labels.dictionary.to_pylist()], whole)
    first, middle, last, between = (pa.scalar(text, whole) for text in (', ["', '", ', "]", ""))
    lines = pc.binary_join_element_wise(
        first, pairs["id"].combine_chunks().cast(whole), middle, texts.take(labels.indices), last,
        between,
    )  # fmt: skip
    size = pc.sum(pc.binary_length(lines)).as_py()
    found = hashlib.sha256(b"[")
    found.update(memoryview(lines.buffers()[2])[2:size])  # all lines as they lie in memory
    found.update(b"]")
    return found.hexdigest()[:32]
