"""Data Loaders over texts with one class each, from a file or a data frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from al.contracts import DataSpec, Encoder, Label, Preview
from al.data.classes import spec_of_targets
from al.data.columns import as_texts
from al.data.embeddings import Embeddings
from al.data.encoding import check_encoder, detail_of, encoder_of, inputs_of, taken_in
from al.data.images import digest
from al.data.oddities import gaps
from al.data.own import READING, OwnLoader, Samples
from al.data.places import find
from al.data.reading import UNASKED, Asked, column, read_table, with_target
from al.data.row_marks import ID, SPLIT, labels_of, samples_of, several
from al.data.spread_embedding import SpreadEmbedding
from al.data.watched import OneFile, Watched
from al.errors import DataError, SamplesError

_log = logging.getLogger(__name__)

#: Numbers that a text becomes where no model reads it.
HASHED = 4096


def features(texts: Sequence[str]) -> sparse.csr_matrix:
    """Texts as numbers [N, F]: counts of words and pairs of words, hashed, of length 1."""
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(
        n_features=HASHED, ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", dtype=np.float32
    )
    return sparse.csr_matrix(hashing.transform(texts))


class TextLoader(SpreadEmbedding, OwnLoader):
    """Texts, kept as sparse rows, of which a batch is dense; or as the vectors of an encoder.

    Args:
        frame: texts, the target and, where there are some, the columns `id` and `split`; other
            columns are metadata.
        text, target: names of columns.
        place, what, published: see `al.data.tables.TableLoader`.
        encoder: makes vectors of them, which are the inputs then.
        half: keep the vectors as float16.
        trained: the encoder is trained further, so that tokens are the inputs.
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
        encoder: Encoder | None = None,
        half: bool = False,
        trained: bool = False,
        asked: Asked = UNASKED,
    ) -> None:
        self.text, self.target, self._asked = text, target, asked
        self._place, self._what, self._encoder, self._trained = place, what, encoder, trained
        self._embeddings = Embeddings(encoder, half=half) if encoder else None
        samples = self._taken(frame)
        super().__init__(samples, self._spec_for(samples), published=published)

    def _spec_for(self, samples: Samples) -> DataSpec:
        """What the samples are, as a campaign begins."""
        encoder, trained = self._encoder, self._trained
        read = detail_of(encoder, trained=trained)
        shape, dtype = inputs_of(encoder, trained=trained) if encoder else ((HASHED,), "float32")
        return spec_of_targets(
            samples.labels, samples.places, f"column {self.target!r} of {self._what}",
            shape, dtype, self._asked.classes, self._asked.like,
            **read, reading=READING, text=self.text, target=self.target,
        )  # fmt: skip

    def adopt(self, spec: DataSpec) -> None:
        check_encoder(self._encoder, spec)
        super().adopt(spec)

    def retake(self, frame: pd.DataFrame) -> None:
        """Use these texts from now on."""
        self.take(self._taken(frame))
        self.check_known()

    def _taken(self, frame: pd.DataFrame) -> Samples:
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

        own = (self.text, self.target, ID, SPLIT)
        self._more = frame[[name for name in frame.columns if name not in own]]
        self._texts = self._texts_of(frame)
        labels = self._labels(frame, place)
        self._features = None if self._encoder else features(self._texts)
        contents = [digest(text.encode(errors="replace")) for text in self._texts]
        return samples_of(frame, labels, place, contents)

    def _texts_of(self, frame: pd.DataFrame) -> list[str]:
        """The texts of rows that hold one, without space around them."""
        return list(as_texts(frame[self.text]))

    def _labels(self, frame: pd.DataFrame, place: Callable[[int], str]) -> Sequence[Label | None]:
        """The labels of rows that hold a text; None if there is none."""
        labels, as_number, _ = labels_of(
            frame[self.target],
            self.target,
            place,
            self._asked.as_number,
            marks=self._asked.marks,
            may_lack=self._asked.like is not None,
        )
        if as_number:
            raise DataError(
                f"column {self.target!r} of {self._what} holds numbers, and texts are learned to "
                "be of a class: name a column of classes"
            )
        return several(labels, self._asked.sign) if self._asked.sign else labels

    def summary(self) -> list[str]:
        return gaps(self._more)

    # -- samples ---------------------------------------------------------------------------

    def inputs(self, rows: np.ndarray) -> torch.Tensor:
        if self._embeddings is None:
            return torch.from_numpy(self._features[rows].toarray())  # type: ignore[index]
        if self._trained:
            assert self._encoder is not None
            return torch.from_numpy(self._encoder.raw(self._raw(rows.tolist())))
        return torch.from_numpy(self._encoded(rows))

    def features(self, ids: Sequence[str]) -> np.ndarray:
        """The encoder's vectors where there is one, else hashed words."""
        return super().features(ids) if self._embeddings is None else self._encoded(self.rows(ids))

    def _encoded(self, rows: np.ndarray) -> np.ndarray:
        """What an encoder made of some rows; all there are, are embedded where one is missing."""
        assert self._embeddings is not None
        every = self.samples.contents
        return self._embeddings.of([every[row] for row in rows], every, self._raw)

    def _raw(self, rows: Sequence[int]) -> list[str]:
        """Some texts."""
        return [self._texts[row] for row in rows]

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


class TextFileLoader(TextLoader, OneFile):
    """A user's own CSV, TSV or parquet file of texts, looked at again as each cycle begins."""

    def __init__(
        self,
        data: str,
        text: str,
        target: str,
        encoder: Encoder | None = None,
        *,
        half: bool = False,
        trained: bool = False,
        asked: Asked = UNASKED,
    ) -> None:
        self._file = find(data, folder=False)
        self._watched = Watched(self._file)
        self.text, self.target, self._asked = text, target, asked
        name = self._file.name
        super().__init__(
            self._read(), text, target, place=lambda row: f"{name} row {row + 1}", what=name,
            encoder=encoder, half=half, trained=trained, asked=asked,
        )  # fmt: skip

    def _read(self) -> pd.DataFrame:
        frame = read_table(self._file, self._asked.separator, self._asked.sheet)
        column(frame, self.text, self._file)
        return with_target(frame, self.target, self._file, self._asked)

    def source(self, id: str) -> str | None:
        return f"{self._file}#{self.samples.places[self._row[id]].rpartition(' ')[2]}"


def _words(texts: Sequence[str]) -> list[int]:
    """How many each has."""
    return [len(text.split()) for text in texts]


def missing_text(column: pd.Series) -> np.ndarray:
    """Which cells hold no text; unlike in other columns, "none" and "?" are texts."""
    return np.asarray(column.isna() | (as_texts(column) == ""))


def texts_in(given: Any, spec: DataSpec) -> list[str]:
    """The texts that a user hands to a served version, alone or as a column of a table.

    Raises:
        DataError: the table lacks the column.
        SamplesError: some texts are empty.
    """
    if isinstance(given, pd.DataFrame):
        name = spec.details["text"]
        if name not in given.columns:
            raise DataError(f"there is no column {name!r}: name the column of texts so")
        given = given[name]
    gone = missing_text(pd.Series(list(given), dtype=object))
    if gone.any():
        raise SamplesError({int(row): "it is empty" for row in np.flatnonzero(gone)}, "a text")
    return [str(text) for text in given]


def texts_given(given: Any, spec: DataSpec) -> np.ndarray:
    """What a user hands to a served version, [n, F]: hashed, or read by the version's encoder.

    Raises:
        DataError, SamplesError: as of `texts_in`.
    """
    texts, encoder = texts_in(given, spec), encoder_of(spec)
    if encoder:
        return taken_in(encoder, spec, texts)
    return np.asarray(features(texts).toarray(), np.float32)
