"""Texts as tokens, and tokens as hashed features."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

#: Numbers that a feature is hashed to, and features of a token.
HASHED, FEATURES = 1 << 14, 8
#: Signs of scripts that are written without spaces (Chinese, Japanese): a token each.
_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_ALONE}]|[^\W\d{_ALONE}]+|\d+|[^\w\s]")


def tokens_of(text: str) -> list[tuple[int, int]]:
    """First character of each token and the one behind its last, in code points.

    A token is a run of letters, a run of digits, or any other single character that is not a space.
    """
    return [match.span() for match in _TOKEN.finditer(text)]


def rows_of(text: str) -> np.ndarray:
    """Start, end and hashed features of each token, int32 [tokens, 2 + K].

    Features are the word in small letters, its shape, its first and last two and three letters,
    its shape with whether it is the first, and whether spaces are around it.
    """
    spans = tokens_of(text)
    found = np.zeros((len(spans), 2 + FEATURES), np.int32)
    for row, (start, end) in enumerate(spans):
        before = start > 0 and not text[start - 1].isspace()
        behind = end < len(text) and not text[end].isspace()
        word = text[start:end]
        own = (_hashed(f"first {row == 0} {_shape(word)}"), _hashed(f"glued {before} {behind}"))
        found[row] = (start, end, *_of_word(word), *own)
    return found


@lru_cache(1 << 16)
def _of_word(word: str) -> tuple[int, ...]:
    small = word.lower()
    parts = (small, small[:2], small[:3], small[-2:], small[-3:], _shape(word))
    return tuple(_hashed(f"{place} {part}") for place, part in enumerate(parts))


def _shape(word: str) -> str:
    """Capitals as X, other letters as x, digits as 0, each run of one as two at most."""
    kinds = (
        "X" if c.isupper() else "x" if c.isalpha() else "0" if c.isdigit() else c for c in word
    )
    return re.sub(r"(.)\1{2,}", r"\1\1", "".join(kinds))


@lru_cache(1 << 16)
def _hashed(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "surrogatepass")) % HASHED


def together(rows: Sequence[np.ndarray], least: int) -> np.ndarray:
    """Rows of some texts as one array, [n, L, …], filled up with 0.

    Args:
        least: L, unless one of the texts has more tokens.
    """
    shape = (len(rows), max([least, *map(len, rows)]), rows[0].shape[1])
    found = np.zeros(shape, rows[0].dtype)
    for place, some in enumerate(rows):
        found[place, : len(some)] = some
    return found
