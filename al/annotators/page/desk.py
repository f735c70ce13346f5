"""The desk: what there is to do, what is shown of it, and what becomes of an answer.

What is shown is found by its place in what was asked, never by a path. An answer is on disk
before the next sample shows.
"""

from __future__ import annotations

import math
import threading
from itertools import islice
from typing import Any

from al.annotators.keys import Key
from al.annotators.page.drawing import heard, is_drawn, picture
from al.annotators.page.log import AnswerLog
from al.annotators.page.naming import named, with_named
from al.contracts import DataLoader
from al.errors import DataError
from al.kinds import kind_of

#: So many samples after the one that is shown are named, for browsers to fetch ahead.
AHEAD = 3


class Desk:
    """What the page asks for and says, one person after the other.

    Args:
        grows: people may name classes that the task does not know.
    """

    def __init__(
        self, data: DataLoader, campaign: str, log: AnswerLog, *, grows: bool = False
    ) -> None:
        self.data, self.campaign, self.log = data, campaign, log
        self.grows = grows and bool(data.spec.classes) and not is_drawn(data.spec)
        self._pictures: bool | None = None  # whether samples are images, once one was looked at
        self.one_at_a_time = threading.Lock()
        self.finished = threading.Event()

    def state(self, name: str) -> dict[str, Any]:
        """What there is to do: the latest query in its order, then what is left of earlier ones."""
        queries, said = self.log.queries(), self.log.answers()
        places = {key: place for place, key in enumerate(self.log.ever_asked())}
        latest = queries[-1] if queries else []
        open_keys = [key for query in [latest, *queries[:-1]] for key in query if key not in said]
        there = (key for key in open_keys if not self.data.missing([key[0]]))
        coming = [*islice(there, 1 + AHEAD)]
        item = self._item(coming[0], places[coming[0]]) if coming else None
        done, last = sum(key in said for key in latest), self.log.last_of(name)
        undo = None if last is None else places[last]
        found = {"item": item, "done": done, "left": len(open_keys), "undo": undo}
        return found | {"classes": self.classes, "next": [places[key] for key in coming[1:]]}

    @property
    def classes(self) -> tuple[str, ...]:
        """What can be chosen: the task's classes, and those that people have named here."""
        if not self.grows:
            return tuple(self.data.spec.classes)
        entries = (entry for said in self.log.answers().values() for entry in said.values())
        return with_named(self.data.spec, (e.label for e in entries if not e.skipped))

    def _item(self, key: Key, place: int) -> dict[str, Any]:
        item: dict[str, Any] = {"place": place, "again": key[1]}
        if self._pictures:  # decoding one takes longer than all else
            return item | {"image": f"image/{place}"}
        preview = self.data.preview(key[0])
        self._pictures = preview.image is not None
        if self._pictures:
            return item | {"image": f"image/{place}"}
        if preview.text is not None:
            return item | {"text": preview.text}
        return item | {"row": [[str(n), str(v)] for n, v in (preview.row or {}).items()]}

    def key_at(self, place: Any) -> Key:
        """The sample at a place.

        Raises:
            DataError: there is none.
        """
        places = self.log.ever_asked()
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(places):
            raise DataError("no such sample: load the page again")
        return places[place]

    def answer(self, said: dict[str, Any]) -> None:
        """Keep what the page sent.

        Raises:
            DataError: it is no answer.
        """
        key, name = self.key_at(said.get("place")), _name(said)
        seconds = said.get("seconds")
        known = isinstance(seconds, (int, float)) and math.isfinite(seconds) and seconds >= 0
        seconds = round(min(float(seconds), 86400.0), 3) if known else None  # type: ignore[arg-type]
        if said.get("skip") is True:
            self.log.answer(key, None, name, seconds, skip=True)
            return
        if self.grows:
            label = kind_of(self.data.spec).from_form(said.get("label"))
            label = named(label, self.data.spec, self.classes)
        else:
            label = heard(self.data, key[0], said.get("label"))
        self.log.answer(key, label, name, seconds, skip=False)

    def undo(self, said: dict[str, Any]) -> None:
        """Take the person's last answer back; it says which that is, so twice is once."""
        self.log.undo(self.key_at(said.get("place")), _name(said))

    def finish(self, _: dict[str, Any]) -> None:
        """Somebody is through."""
        self.finished.set()

    def image(self, place: int) -> tuple[str, bytes]:
        """A sample's picture: type and content."""
        return picture(self.data, self.key_at(place)[0])


def _name(said: dict[str, Any]) -> str:
    name = said.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 80:
        raise DataError("who are you? give a name of up to 80 letters")
    return name.strip()
