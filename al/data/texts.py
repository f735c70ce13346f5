"""Data Loaders over texts with one class each, from a file or a data frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from al.contracts import DataSpec, Preview
from al.data.columns import as_texts
from al.data.embedded import embedded
from al.data.images import digest
from al.data.own import OwnLoader, class_names, spec_of_classes
from al.data.places import find
from al.data.reading import column, mark, read_table
from al.data.row_marks import ID, SPLIT, labels_of, samples_of
from al.errors import DataError

_log = logging.getLogger(__name__)

#: Numbers that a text becomes where no model reads it.
HASHED = 4096


def features(texts: Sequence[str], model: str = "") -> sparse.csr_matrix | np.ndarray:
    """Texts as numbers [N, F]: counts of words and pairs of words, hashed, of length 1.

    Args:
        model: folder of a Hugging Face model, whose mean last state is taken instead.
    """
    if model:
        return embedded(texts, model)
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(
        n_features=HASHED, ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", dtype=np.float32
    )
    return sparse.csr_matrix(hashing.transform(texts))


class TextLoader(OwnLoader):
    """Texts, kept as sparse rows; a batch of them is dense.

    Args:
        frame: texts, the target and, where there are some, the columns `id` and `split`; other
            columns are metadata.
        text, target: names of columns.
        place, what, published: see `al.data.tables.TableLoader`.
        model: see `features`.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        text: str,
        target: str,
        *,
        place: Callable[[int], str],
        what: str,
        published: bool = False,
        model: str = "",
    ) -> None:
        self.text, self.target = text, target
        self._place, self._what, self._model = place, what, model
        samples = self._taken(frame)
        names = class_names(samples.labels, samples.places, f"column {target!r} of {what}")
        shape = (self._features.shape[1],)
        spec = spec_of_classes(names, shape, "float32", text=text, target=target)
        super().__init__(samples, spec, published=published)

    def retake(self, frame: pd.DataFrame) -> None:
        """Use these texts from now on."""
        self.take(self._taken(frame))
        self.check_known()

    def _taken(self, frame: pd.DataFrame) -> Any:
        """Samples of the rows that hold a text."""
        gone = missing_text(frame[self.text])
        rows = np.flatnonzero(~gone)
        if not len(rows):
            raise DataError(f"column {self.text!r} of {self._what} holds no text: name another")
        if gone.any():
            first = self._place(int(np.flatnonzero(gone)[0]))
            _log.warning(
                f"{gone.sum()} of {len(frame)} rows have no text and are left out, {first} first"
            )
        frame = frame.iloc[rows].reset_index(drop=True)

        def place(row: int) -> str:
            return self._place(int(rows[row]))

        labels, as_number = labels_of(frame[self.target], self.target, place)
        if as_number:
            raise DataError(
                f"column {self.target!r} of {self._what} holds numbers, and texts are learned to "
                "be of a class: name a column of classes"
            )
        own = (self.text, self.target, ID, SPLIT)
        self._more = frame[[name for name in frame.columns if name not in own]]
        self._texts = as_texts(frame[self.text]).tolist()
        self._features = features(self._texts, self._model)
        return samples_of(frame, labels, place, [digest(t.encode()) for t in self._texts])

    # -- samples ---------------------------------------------------------------------------

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        some = self._features[rows]
        dense = some if isinstance(some, np.ndarray) else some.toarray()
        return torch.from_numpy(np.ascontiguousarray(dense, dtype=np.float32))

    def preview(self, id: str) -> Preview:
        return Preview(text=self._texts[self._row[id]])

    def metadata(self, ids: Sequence[str]) -> pd.DataFrame:
        """The text, its length in characters and words, and the other columns of the data."""
        rows = self.rows(ids)
        table = self._more.iloc[rows].set_axis(pd.Index(ids, name="id"))
        texts = [self._texts[row] for row in rows]
        more = {
            "text": texts,
            "characters": [len(text) for text in texts],
            "words": _words(texts),
        }
        return table.assign(**{n: v for n, v in more.items() if n not in table.columns})

    def costs(self, ids: Sequence[str]) -> np.ndarray:
        """Words, as who labels a text has to read it; at least 1."""
        return np.maximum(_words([self._texts[row] for row in self.rows(ids)]), 1).astype(float)

    def example(self) -> pd.DataFrame:
        """Two texts, in a column of their name."""
        texts = [self._texts[row] for row in self.rows(self.ids("train")[:2])]
        return pd.DataFrame({self.text: texts})


class TextFileLoader(TextLoader):
    """A user's own CSV, TSV or parquet file of texts, looked at again as each cycle begins."""

    def __init__(self, data: str, text: str, target: str, model: str = "") -> None:
        self._file = find(data, folder=False)
        self._mark = mark(self._file)
        self.text, self.target = text, target
        name = self._file.name
        super().__init__(
            self._read(), text, target, place=lambda row: f"{name} row {row + 1}", what=name,
            model=model,
        )  # fmt: skip

    def _read(self) -> pd.DataFrame:
        frame = read_table(self._file)
        for name in (self.text, self.target):
            column(frame, name, self._file)
        return frame

    def refresh(self) -> None:
        if mark(self._file) != self._mark:
            self._mark = mark(self._file)
            self.retake(self._read())

    def source(self, id: str) -> str | None:
        return f"{self._file}#{self.samples.places[self._row[id]].rpartition(' ')[2]}"


def _words(texts: Sequence[str]) -> list[int]:
    """How many each has."""
    return [len(text.split()) for text in texts]


def missing_text(column: pd.Series) -> np.ndarray:
    """Which cells hold no text; unlike in other columns, "none" and "?" are texts."""
    return np.asarray(column.isna() | (as_texts(column) == ""))


def texts_given(given: Any, spec: DataSpec, model: str = "") -> np.ndarray:
    """What a user hands to a served version, texts or a table with a column of them, [n, F].

    Raises:
        DataError: the table lacks the column.
    """
    if isinstance(given, pd.DataFrame):
        name = spec.details["text"]
        if name not in given.columns:
            raise DataError(f"there is no column {name!r}: name the column of texts so")
        given = given[name]
    found = features([str(text) for text in given], model)
    return np.asarray(found if isinstance(found, np.ndarray) else found.toarray(), np.float32)
