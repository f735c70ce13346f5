"""Vectors of the words of texts, each text read once by an encoder and kept for all campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from al.contracts import Encoder
from al.data.embeddings import Embeddings
from al.data.entities.tokens import tokens_of
from al.errors import ConfigError

#: A word of a text by its number.
Word = tuple[str, int]


class WordVectors(Embeddings):
    """Vectors of words, as float16, by the digest of their text and their number in it."""

    kept: ClassVar[str] = "words"

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder, half=True)

    @property
    def pack(self) -> int:
        return 1 << 16

    @property
    def things(self) -> str:
        return "words"

    def made(self, samples: Sequence[Word]) -> np.ndarray:
        found = words_of([text for text, _ in samples], self.encoder)
        most = np.finfo(np.float16).max
        rows = [found[text][number] for text, number in samples]
        return np.clip(np.stack(rows), -most, most)


class Words:
    """The words of all texts that there are, with their vectors.

    Args:
        contents: digests of the texts.
        counts: how many words each text has.
    """

    def __init__(
        self,
        kept: WordVectors,
        texts: Sequence[str],
        contents: Sequence[str],
        counts: Sequence[int],
    ) -> None:
        self._kept, self._texts, self._contents = kept, texts, contents
        self._begins = np.cumsum([0, *counts])

    @cached_property
    def _names(self) -> list[str]:
        """What each word's vector is kept by, text after text."""
        spans = zip(self._contents, np.diff(self._begins), strict=True)
        return [f"{content}.{number}" for content, count in spans for number in range(count)]

    def of(self, rows: Sequence[int] | np.ndarray) -> list[np.ndarray]:
        """The vectors of the words of some texts, float32 [words, D] each."""
        parts = [slice(self._begins[row], self._begins[row + 1]) for row in rows]
        names = [name for part in parts for name in self._names[part]]
        if not names:
            return [np.zeros((0, self._kept.row), np.float32) for _ in parts]
        found = self._kept.of(names, self._names, self._words)
        return np.split(found, np.cumsum([part.stop - part.start for part in parts])[:-1])

    def _words(self, places: Sequence[int]) -> list[Word]:
        """Some words."""
        rows = np.searchsorted(self._begins, places, side="right") - 1
        return [(self._texts[row], int(at - self._begins[row]))
                for row, at in zip(rows, places, strict=True)]  # fmt: skip


def words_of(texts: Sequence[str], encoder: Encoder) -> dict[str, np.ndarray]:
    """The vectors of all words of each text, as `tokens_of` parts them, float32 [words, D]."""
    each = list(dict.fromkeys(texts))
    return dict(zip(each, encoder.words(each, [tokens_of(text) for text in each]), strict=True))


def reading_words(encoder: Encoder | None) -> Encoder | None:
    """The encoder, where entities are learned on what it makes.

    Raises:
        ConfigError: it makes a vector of a text alone.
    """
    if encoder is not None and not encoder.reads_words:
        raise ConfigError(
            f"encoder={encoder.name} makes one vector of a text, and entities need one of each "
            "word: give minilm-l6, a Hugging Face model, or none"
        )
    return encoder
