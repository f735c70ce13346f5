"""The desk: what there is to do, what is shown of it, and what becomes of an answer.

What is shown is found by its place in what was asked, never by a path. An answer is on disk
before the next sample shows.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

from al.annotators.keys import Key
from al.annotators.page.at_work import AtWork
from al.annotators.page.drawing import heard, is_drawn, picture, thumbnail
from al.annotators.page.guide import Guide
from al.annotators.page.item import Items, drawn, picture_of
from al.annotators.page.log import AnswerLog
from al.annotators.page.look import Look
from al.annotators.page.naming import named, with_named
from al.annotators.page.past import Past
from al.annotators.page.people import name_of
from al.annotators.page.tally import Tally
from al.annotators.page.turns import Given, Rule, Turns
from al.contracts import DataLoader
from al.errors import AlError, DataError
from al.kinds import kind_of

_log = logging.getLogger(__name__)

#: The pictures of so many samples after the one that is shown are named, to be fetched ahead.
AHEAD = 3
#: Most letters of a remark.
LONGEST_NOTE = 2000


class Desk:
    """What the page asks for and says, one person after the other.

    Args:
        rule: how many answers a sample gets.
        grows: people may name classes that the task does not know.
        look: what the user says of how the page looks.
        renew: looks at the data again.
    """

    def __init__(
        self,
        data: DataLoader,
        campaign: str,
        log: AnswerLog,
        *,
        rule: Rule | None = None,
        grows: bool = False,
        look: Look | None = None,
        renew: Callable[[], None] | None = None,
    ) -> None:
        self.data, self.campaign, self.log = data, campaign, log
        self.rule = rule or Rule()
        self.turns, self.tally = Turns(self.rule), Tally(self.rule)
        self.grows = grows and bool(data.spec.classes) and not is_drawn(data.spec)
        self.one_at_a_time = threading.Lock()
        self.finished = threading.Event()
        self._renew, self._missing = renew, (0, frozenset[str]())
        self.at_work = AtWork(log.folder)
        self.watched = self.ended = False  # the campaign goes on by itself; it has ended
        self.look = look or Look()
        self.items = Items(data, log, self.look)
        self.past, self.guide = Past(self.items, self.rule), Guide(self.items, self.rule)

    def state(self, name: str, tab: str = "", showing: Any = None) -> dict[str, Any]:
        """What there is to do: the latest query in its order, then what is left of earlier ones.

        Args:
            name: who asks; "" before a name was entered; nothing is held then.
            tab: of the browser, as the page calls it.
            showing: the place of the sample that it shows.
        """
        queries, given = self.log.queries(), self.log.answers()
        ever = self.log.ever_asked()
        places = self.log.places()
        latest = queries[-1] if queries else []
        self.tally.hear(given)
        closed = self.tally.closed
        open_keys = [k for query in [latest, *queries[:-1]] for k in query if k not in closed]
        gone = self._gone(ever)
        there = [key for key in open_keys if key[0] not in gone] if gone else open_keys
        shows = ever[showing] if isinstance(showing, int) and 0 <= showing < len(ever) else None
        mine = self.turns.next(name, tab, there, given, shows) if name else there
        last = self.log.last_of(name)
        done = [key for key in latest if key in closed]
        return {
            "item": self._item(mine[0], places[mine[0]], given) if mine else None,
            "next": [picture_of(key, places[key]) for key in mine[1 : 1 + AHEAD]],
            "done": len(done),
            "skipped": sum(key in self.tally.skipped for key in done),
            "left": len(open_keys),
            "phase": "ask" if mine else self._phase(there),
            "disputed": len(self.tally.disputed.intersection(open_keys)),
            "agreement": self.tally.agreement,
            "undo": None if last is None else self.past.undoing(last),
            "numbers": self.guide.numbers(),
            "classes": self.classes,
        }

    def _item(self, key: Key, place: int, given: Given) -> dict[str, Any]:
        """What is shown; who decides between others sees what they say."""
        item = self.items.item(key, place)
        if key in self.tally.disputed:
            item["votes"] = self.past.votes(given[key].values())
        return item

    def _gone(self, ever: Sequence[Key]) -> frozenset[str]:
        """Samples that are not in the data, which is looked at again once others were asked."""
        asked, gone = self._missing
        if asked != len(ever):
            ids = [id for id, _ in ever]
            gone = frozenset(self.data.missing(ids))
            if gone and self._renew is not None:
                try:
                    self._renew()
                except AlError as error:
                    _log.warning(f"the data was not looked at again: {error}")
                gone = frozenset(self.data.missing(ids))
            self._missing = len(ever), gone
        return gone

    def _phase(self, there: Sequence[Key]) -> str:
        """Why somebody has nothing to answer: others have the rest, or the campaign is … ."""
        if self.ended:
            return "ended"
        if self.at_work.seen():
            return "learning"
        if there:
            return "others"
        return "between" if self.watched else "done"

    def idle(self) -> bool:
        """Whether there is nothing to answer."""
        with self.one_at_a_time:
            self.tally.hear(self.log.answers())
            asked = (key for query in self.log.queries() for key in query)
            return all(key in self.tally.closed for key in asked)

    @property
    def classes(self) -> tuple[str, ...]:
        """What can be chosen: the task's classes, and those that people have named here."""
        if not self.grows:
            return tuple(self.data.spec.classes)
        entries = (entry for given in self.log.answers().values() for entry in given.values())
        return with_named(self.data.spec, (e.label for e in entries if not e.skipped))

    def key_at(self, place: Any, meant: Any = None) -> Key:
        """The sample at a place.

        Args:
            meant: which one it is to be, see `item.drawn`; None for any.

        Raises:
            DataError: it is missing, or another one.
        """
        places = self.log.ever_asked()
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(places):
            raise DataError("no such sample: load the page again")
        key = places[place]
        if meant is not None and meant != drawn(key):
            raise DataError("another sample was on the screen: load the page again")
        return key

    def answer(self, body: dict[str, Any]) -> None:
        """Keep what the page sent.

        Raises:
            DataError: it is not an answer.
        """
        key = self.key_at(body.get("place"), body.get("drawn"))
        name = name_of(body.get("name"))
        shown = self.items.shown_model(key) if body.get("suggested") is True else ""
        seconds = _seconds(body.get("seconds"))
        if body.get("skip") is True:
            self.log.answer(key, None, name, seconds, skip=True, shown=shown)
            return
        if self.grows:
            label = kind_of(self.data.spec).from_form(body.get("label"))
            label = named(label, self.data.spec, self.classes)
        else:
            label = heard(self.data, key[0], body.get("label"))
        self.log.answer(key, label, name, seconds, skip=False, shown=shown)

    def undo(self, body: dict[str, Any]) -> None:
        """Take the person's last answer back; it says which that is, so twice is once.

        After undoing a correction, the answer before it counts again.
        """
        key, name = self.key_at(body.get("place")), name_of(body.get("name"))
        line = body.get("line")
        taken = self.log.undo(key, name, line if isinstance(line, int) else None)
        if taken and name not in self.log.answers().get(key, {}):
            self.turns.hold(name, tab_of(body), key)

    def leave(self, body: dict[str, Any]) -> None:
        """A tab was closed, and others may have what it showed."""
        self.turns.leave(name_of(body.get("name")), tab_of(body))

    def finish(self, _: dict[str, Any]) -> None:
        """Somebody is through."""
        self.finished.set()

    def note(self, body: dict[str, Any]) -> None:
        """Keep a remark on a sample.

        Raises:
            DataError: it is none.
        """
        key, name, text = (
            self.key_at(body.get("place")),
            name_of(body.get("name")),
            body.get("text"),
        )
        if not isinstance(text, str) or len(text) > LONGEST_NOTE:
            raise DataError(f"that is not a note: give up to {LONGEST_NOTE} letters")
        self.log.note(key, name, text.strip(), flag=body.get("flag") is True)

    def note_of(self, key: Key, name: str) -> dict[str, Any]:
        """What a person remarked on a sample."""
        note = self.log.notes().get(key, {}).get(name)
        return {"text": note.text if note else "", "flag": bool(note and note.flag)}

    def image(self, place: int, meant: str | None = None) -> tuple[str, bytes]:
        """A sample's picture: type and content."""
        return picture(self.data, self.key_at(place, meant)[0])

    def listed(self, place: int, name: str, meant: str | None = None) -> tuple[str, bytes]:
        """The same, small, with what the person drew on it."""
        key = self.key_at(place, meant)
        entry = self.log.answers().get(key, {}).get(name)
        return thumbnail(self.data, key[0], entry.label if entry else None)


def tab_of(body: dict[str, Any]) -> str:
    """The tab of the browser that says something."""
    return str(body.get("tab", ""))[:40]


def _seconds(value: object) -> float | None:
    """How long an answer took in seconds, a day at most; None where the client sent nothing."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value < math.inf:
        return None
    return round(float(min(value, 86400)), 3)
