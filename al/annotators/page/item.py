"""A sample as the page shows it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from al.annotators.keys import Key
from al.annotators.page.drawing import shown as as_form
from al.annotators.page.log import AnswerLog
from al.annotators.page.look import Look
from al.annotators.page.rows import Rows
from al.contracts import DataLoader
from al.errors import AlError
from al.kinds import kind_of

#: Rows that tell which columns are constant.
LOOKED_AT = 200


class Items:
    """Samples as the page shows them."""

    def __init__(self, data: DataLoader, log: AnswerLog, look: Look) -> None:
        self.data, self.log, self.look = data, log, look
        self._pictures: bool | None = None  # whether samples are images, once one was looked at
        self._rows: tuple[int, Rows] = (0, Rows(()))

    def item(self, key: Key, place: int) -> dict[str, Any]:
        """What is shown of a sample.

        `drawn` says which sample it is; an answer brings it back, so that a place that means
        another sample by now is noticed. `suggestion` is there only where it may be shown.
        """
        content: dict[str, Any] = {"place": place, "again": key[1], "drawn": drawn(key)}
        if self.look.suggest and (found := self._suggestion(key)):
            content["suggestion"] = found
        return content | self.content(key[0], picture_of(key, place))

    def content(self, id: str, image: str) -> dict[str, Any]:
        """A sample as the page shows it.

        Args:
            image: where the page gets its image.
        """
        if self._pictures:  # decoding one takes longer than all else
            return {"image": image}
        preview = self.data.preview(id)
        self._pictures = preview.image is not None
        if self._pictures:
            return {"image": image}
        if preview.text is not None:
            return {"text": preview.text}
        row, folded = self._how().shown(preview.row or {})
        return {"row": row, "folded": folded}

    def brief(self, key: Key, place: int, name: str) -> dict[str, Any]:
        """A sample as it is listed: where its image is, or its first words.

        Args:
            name: of the person whose answer is drawn on the image.
        """
        found = self.content(key[0], f"{picture_of(key, place)}&small&{urlencode({'name': name})}")
        if "image" in found:
            return found
        if "row" in found:
            found = {"text": " · ".join(f"{name} {value}" for name, value, _ in found["row"])}
        return {name: text[:120] for name, text in found.items()}

    def shown_model(self, key: Key) -> str:
        """The version whose guess the page may show of a sample; "" for none."""
        found = self.log.suggestions().get(key)
        return found.model if found else ""

    def _suggestion(self, key: Key) -> Mapping[str, Any] | None:
        found = self.log.suggestions().get(key)
        if found is None or key[1]:
            return None
        kind = kind_of(self.data.spec)
        try:
            form = as_form(self.data, key[0], found.label)
        except (AlError, ValueError, KeyError, TypeError):
            return None  # it was of classes that are others by now
        return {
            "label": form,
            "words": kind.brief(found.label),
            "confidence": found.confidence,
            "likely": [[name, share] for name, share in found.likely],
            "model": found.model,
        }

    def _how(self) -> Rows:
        keys = self.log.ever_asked()
        if self._rows[0] != len(keys):
            ids = [id for id, _ in keys[-LOOKED_AT:]]
            gone = set(self.data.missing(ids))
            there = [self.data.preview(id).row or {} for id in ids if id not in gone]
            self._rows = len(keys), Rows(there)
        return self._rows[1]


def picture_of(key: Key, place: int) -> str:
    """Where the page gets a sample's image; it says which sample that is, so that a browser never
    shows one that it holds of another sample, which had the same place."""
    return f"image/{place}?drawn={drawn(key)}"


def drawn(key: Key) -> str:
    """Which sample it is, in 16 letters."""
    return hashlib.sha256(json.dumps(list(key)).encode()).hexdigest()[:16]
