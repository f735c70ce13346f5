"""Entities as Label Studio has them.

It counts characters in code points, since its front end of 2021 (label-studio-frontend 308);
before that it counted UTF-16 code units, as JavaScript does, in which an emoji is two. A result
also holds the words that were marked, which tells the one from the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from al.errors import LabelError


def span_of(value: Mapping[str, Any], text: str) -> tuple[int, int]:
    """First character of what a result marks in a text, and the one behind its last.

    Raises:
        LabelError: the text holds other words there, or it was marked in a page of HTML.
    """
    start, end, quoted = value["start"], value["end"], value.get("text")
    if type(start) is not int or type(end) is not int:
        raise LabelError("an entity is marked in HTML: show people the sample by a Text tag")
    if quoted is None or _plain(text[start:end]) == _plain(quoted):
        return start, end
    raw = text.encode("utf-16-le", "surrogatepass")
    low, high = (len(_decoded(raw[: 2 * unit])) for unit in (start, end))
    if _plain(text[low:high]) == _plain(quoted):
        return low, high
    raise LabelError(
        f"an entity at {start}–{end} is {str(quoted)[:40]!r} there and {text[start:end][:40]!r} in "
        "the sample: mark it again"
    )


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-16-le", "surrogatepass")


def _plain(text: str) -> str:
    """Words alone: a browser writes ends of lines as two signs, and space as it likes."""
    return re.sub(r"(?:\\n|\s)+", " ", text).strip()
