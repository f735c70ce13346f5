"""What was asked and answered on a page: two files that only grow, each line safe on disk.

`asked.jsonl` is written by the pipeline, `answers.jsonl` by the page, each by one process at a
time. A line that a killed process left half written was never confirmed to anyone: readers
pass over it, and the next writer cuts it off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from al.annotators.keys import Key
from al.contracts import Label
from al.errors import DataError


@dataclass(frozen=True)
class Entry:
    """What somebody said of a sample.

    Attributes:
        line: of the file, by which entries are ordered; no clock is.
        label: None where the sample was skipped.
    """

    line: int
    key: Key
    label: Label | None
    skipped: bool
    annotator: str
    at: str
    seconds: float | None


class AnswerLog:
    """The two files of a campaign's page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._asked, self._answers = folder / "asked.jsonl", folder / "answers.jsonl"

    # -- asking ------------------------------------------------------------------------------

    def ask(self, keys: Iterable[Key]) -> None:
        """Ask about those that were never asked about, as one query."""
        known = {key for query in self.queries() for key in query}
        if new := [list(key) for key in keys if key not in known]:
            _append(self._asked, {"ask": new})

    def withdraw(self, ids: Iterable[str]) -> None:
        """Show these no more."""
        if new := sorted(set(ids) & {id for query in self.queries() for id, _ in query}):
            _append(self._asked, {"withdraw": new})

    def queries(self) -> list[list[Key]]:
        """What was asked, query by query, less what was withdrawn since."""
        found: list[list[Key]] = []
        for line in _lines(self._asked):
            if "ask" in line:
                found.append([(str(id), bool(again)) for id, again in line["ask"]])
            else:
                gone = set(line["withdraw"])
                found = [[key for key in query if key[0] not in gone] for query in found]
        return found

    def ever_asked(self) -> list[Key]:
        """All that was ever asked, withdrawn or not: a sample's place never changes."""
        asked = (line["ask"] for line in _lines(self._asked) if "ask" in line)
        return [(str(id), bool(again)) for query in asked for id, again in query]

    # -- answering ---------------------------------------------------------------------------

    def answer(
        self, key: Key, label: Label | None, annotator: str, seconds: float | None, *, skip: bool
    ) -> None:
        """Keep an answer; the same one of the same person again changes nothing."""
        mine = self.answers().get(key, {}).get(annotator)
        if mine is not None and (mine.label, mine.skipped) == (label, skip):
            return
        said = {"skip": True} if skip else {"label": label}
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"id": key[0], "again": key[1], **said, "annotator": annotator, "at": now}
        _append(self._answers, {**line, "seconds": seconds})

    def undo(self, key: Key, annotator: str) -> None:
        """Take the last answer of this person back; nothing where that is of another sample."""
        if self.last_of(annotator) == key:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            line = {"id": key[0], "again": key[1], "undo": True}
            _append(self._answers, {**line, "annotator": annotator, "at": now})

    def last_of(self, annotator: str) -> Key | None:
        """The sample that this person answered last."""
        mine = [said[annotator] for said in self.answers().values() if annotator in said]
        return max(mine, key=lambda entry: entry.line).key if mine else None

    def answers(self) -> dict[Key, dict[str, Entry]]:
        """What stands, by sample and person; the first person of a sample counts."""
        found: dict[Key, dict[str, Entry]] = {}
        for number, line in enumerate(_lines(self._answers)):
            try:
                key, who = (str(line["id"]), bool(line["again"])), str(line["annotator"])
                if "undo" in line:
                    found.get(key, {}).pop(who, None)
                    continue
                skip = "skip" in line
                label = None if skip else line["label"]
                entry = Entry(number, key, label, skip, who, str(line["at"]), line["seconds"])
            except KeyError as error:
                raise DataError(f"{self._answers} lacks {error} in a line: restore it") from None
            found.setdefault(key, {})[who] = entry
        return {key: said for key, said in found.items() if said}


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line, which is on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with open(path, "ab+", opener=_own) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        if file.read(1) not in (b"\n", b""):
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        file.write(json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if new:  # the name of the file is on disk when its folder is
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def _own(path: str, flags: int) -> int:
    """A file for this user and the group, less what the umask takes away; answers are theirs."""
    return os.open(path, flags, 0o660)


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    """The lines that are whole.

    Raises:
        DataError: one is damaged.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        try:
            yield dict(json.loads(line))
        except (TypeError, ValueError, RecursionError):
            raise DataError(f"{path} is damaged in line {number}: restore it") from None
