"""What was asked and answered on a page: files that only grow, each line safe on disk.

`asked.jsonl` is written by the pipeline, `answers.jsonl` and `notes.jsonl` by the page, each by
one process at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from al.annotators.keys import Key
from al.annotators.page.lines import Lines, append
from al.contracts import Label, Likely
from al.errors import DataError

T = TypeVar("T")
Lined = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Entry:
    """An answer of one person about a sample.

    Attributes:
        line: of the file, by which entries are ordered; no clock is.
        label: None where the sample was skipped.
        shown: models:/NAME/VERSION whose guess was on the screen; "" for none.
        before: what this corrects.
    """

    line: int
    key: Key
    label: Label | None
    skipped: bool
    annotator: str
    at: str
    seconds: float | None
    shown: str = ""
    before: Entry | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Suggestion:
    """What a model believed of a sample when it was asked about.

    Attributes:
        label: its guess.
        confidence: as in `Query`.
        likely: the likeliest classes, with the probability of each.
        model: models:/NAME/VERSION.
    """

    label: Label
    confidence: float | None
    likely: Likely
    model: str


@dataclass(frozen=True)
class Note:
    """What somebody remarked on a sample."""

    annotator: str
    text: str
    flag: bool


class AnswerLog:
    """The files of a campaign's page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._asked = Lines(folder / "asked.jsonl")
        self._answers = Lines(folder / "answers.jsonl")
        self._notes = Lines(folder / "notes.jsonl")
        self._made: dict[str, tuple[object, Any]] = {}
        self._lock = threading.Lock()
        self._heard: dict[Key, Mapping[str, Entry]] = {}
        self._by_person: dict[str, list[Entry]] = {}
        self._heard_lines: Lined = ()

    # -- asking ------------------------------------------------------------------------------

    def ask(self, keys: Iterable[Key], suggestions: Mapping[Key, Suggestion] | None = None) -> None:
        """Ask about those that were never asked about, as one query.

        Args:
            suggestions: what the page may show of a model's opinion; kept with what is asked.
        """
        known = {key for query in self.queries() for key in query}
        if not (new := [key for key in keys if key not in known]):
            return
        line: dict[str, object] = {"ask": [list(key) for key in new]}
        if suggestions:
            shown = (suggestions.get(key) for key in new)
            line["suggest"] = [None if one is None else vars(one) for one in shown]
        append(self._asked.path, line)

    def suggestions(self) -> Mapping[Key, Suggestion]:
        """What may be shown of models' opinions, by sample."""
        return self._once("suggestions", self._asked(), _suggestions)

    def withdraw(self, ids: Iterable[str]) -> None:
        """Show these no more."""
        if new := sorted(set(ids) & {id for query in self.queries() for id, _ in query}):
            append(self._asked.path, {"withdraw": new})

    def queries(self) -> Sequence[Sequence[Key]]:
        """What was asked, query by query, less what was withdrawn since."""
        return self._once("queries", self._asked(), _queries)

    def ever_asked(self) -> Sequence[Key]:
        """All that was ever asked, withdrawn or not: a sample's place never changes."""
        return self._once("ever", self._asked(), _ever_asked)

    def places(self) -> Mapping[Key, int]:
        """The place of each sample."""
        return self._once("places", self._asked(), _places)

    # -- answering ---------------------------------------------------------------------------

    def answer(
        self,
        key: Key,
        label: Label | None,
        annotator: str,
        seconds: float | None,
        *,
        skip: bool,
        shown: str = "",
    ) -> None:
        """Keep an answer; the same one of the same person again changes nothing.

        Args:
            shown: version whose guess was on the screen.
        """
        mine = self.answers().get(key, {}).get(annotator)
        if mine is not None and (mine.label, mine.skipped) == (label, skip):
            return
        fields = {"skip": True} if skip else {"label": label}
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"id": key[0], "again": key[1], **fields, "annotator": annotator, "at": now}
        also = {"shown": shown} if shown else {}
        append(self._answers.path, {**line, "seconds": seconds, **also})

    def undo(self, key: Key, annotator: str, line: int | None = None) -> bool:
        """Undo this person's last answer; the answer that a correction replaced counts again.

        Args:
            line: of that answer, so that a request sent twice undoes one; None for the last.

        Returns:
            Whether it was the last one, and is taken back.
        """
        last = self.last_of(annotator)
        if last is None or last.key != key or line not in (None, last.line):
            return False
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        fields = {"id": key[0], "again": key[1], "undo": last.line}
        append(self._answers.path, {**fields, "annotator": annotator, "at": now})
        return True

    def last_of(self, annotator: str) -> Entry | None:
        """This person's last answer that still counts."""
        self.answers()
        with self._lock:
            own = self._by_person.get(annotator, [])
            while own and self._heard.get(own[-1].key, {}).get(annotator) is not own[-1]:
                own.pop()  # taken back; what was corrected lies below its correction
            return own[-1] if own else None

    def answers(self) -> Mapping[Key, Mapping[str, Entry]]:
        """What stands, by sample and person; the first person of a sample counts.

        The entries of a sample are a new object whenever they change.
        """
        lines = self._answers()
        with self._lock:
            known = len(self._heard_lines)
            if known > len(lines) or (known and self._heard_lines[-1] is not lines[known - 1]):
                known = 0  # another file, or a restored one
                self._heard, self._by_person = {}, {}
            self._heard_lines = ()
            for number in range(known, len(lines)):
                self._hear(number, lines[number])
            self._heard_lines = lines
            return dict(self._heard)

    def _hear(self, number: int, line: Mapping[str, Any]) -> None:
        try:
            key, who = (str(line["id"]), bool(line["again"])), str(line["annotator"])
            heard = dict(self._heard.get(key, {}))
            mine = heard.get(who)
            if "undo" not in line:
                skip = "skip" in line
                label = None if skip else line["label"]
                at, shown = str(line["at"]), str(line.get("shown", ""))
                heard[who] = Entry(number, key, label, skip, who, at, line["seconds"], shown, mine)
                self._by_person.setdefault(who, []).append(heard[who])
            elif line["undo"] is True:  # as it was once
                heard.pop(who, None)
            elif mine is not None and mine.line == line["undo"]:  # else it was taken back before
                if mine.before is None:
                    heard.pop(who)
                else:
                    heard[who] = mine.before
        except KeyError as error:
            self._heard, self._by_person = {}, {}
            raise DataError(f"{self._answers.path} lacks {error} in a line: restore it") from None
        if heard:
            self._heard[key] = heard
        else:
            self._heard.pop(key, None)

    # -- remarks -----------------------------------------------------------------------------

    def note(self, key: Key, annotator: str, text: str, *, flag: bool) -> None:
        """Keep what somebody remarks on a sample, instead of what they remarked before."""
        if self.notes().get(key, {}).get(annotator) != Note(annotator, text, flag):
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            fields = {"id": key[0], "again": key[1], "note": text, "flag": flag}
            append(self._notes.path, {**fields, "annotator": annotator, "at": now})

    def notes(self) -> dict[Key, dict[str, Note]]:
        """The remarks that stand, by sample and person."""
        found: dict[Key, dict[str, Note]] = {}
        for line in self._notes():
            try:
                key, who = (str(line["id"]), bool(line["again"])), str(line["annotator"])
                note = Note(who, str(line["note"]), bool(line["flag"]))
            except KeyError as error:
                raise DataError(f"{self._notes.path} lacks {error} in a line: restore it") from None
            found.setdefault(key, {})[who] = note
        return {
            key: kept
            for key, each in found.items()
            if (kept := {who: one for who, one in each.items() if one.text or one.flag})
        }

    def _once(self, what: str, lines: Lined, make: Callable[[Lined], T]) -> T:
        """What lines come to, made once of the same lines."""
        kept = self._made.get(what)
        if kept is None or kept[0] is not lines:
            kept = self._made[what] = (lines, make(lines))
        return kept[1]


def _queries(lines: Lined) -> list[list[Key]]:
    found: list[list[Key]] = []
    for line in lines:
        if "ask" in line:
            found.append([(str(id), bool(again)) for id, again in line["ask"]])
        else:
            gone = set(line["withdraw"])
            found = [[key for key in query if key[0] not in gone] for query in found]
    return found


def _ever_asked(lines: Lined) -> list[Key]:
    asked = (line["ask"] for line in lines if "ask" in line)
    return [(str(id), bool(again)) for query in asked for id, again in query]


def _places(lines: Lined) -> dict[Key, int]:
    return {key: place for place, key in enumerate(_ever_asked(lines))}


def _suggestions(lines: Lined) -> dict[Key, Suggestion]:
    found = dict[Key, Suggestion]()
    for line in lines:
        asked = line.get("ask", ())
        for (id, again), one in zip(asked, line.get("suggest", [None] * len(asked)), strict=False):
            if one is None:  # it may have been asked about before, when it might be shown with one
                found.pop((str(id), bool(again)), None)
                continue
            likely = tuple((str(name), float(share)) for name, share in one["likely"])
            found[str(id), bool(again)] = Suggestion(**{**one, "likely": likely})
    return found
