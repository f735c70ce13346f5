"""The history of promotions: which version was in Production from when to when, why, by whom.

MLflow keeps none. Here each promotion is a tag of the registered model, numbered in order
and written before the stage moves, so that a cut loses no row and makes none twice. Every look
at the model reads all of its tags, so earlier promotions share a few: packs, each under the number
of its last one.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import pandas as pd

from al.state import read_as

PREFIX, PACK = "al.promotion.", "al.promotions."
#: Promotions that have a tag each, at most, and characters of a pack, about.
LOOSE, FULL = 32, 4000
COLUMNS = ["version", "from", "to", "by", "why"]


@dataclass(frozen=True)
class Promotion:
    """A version that came into Production.

    Attributes:
        version: None where none was left there.
        by: pipeline, hand or undo.
        at: ISO 8601, UTC; of what was done by hand, when the pipeline found it.
        done: False while an undo is on its way.
    """

    version: int | None
    by: str
    why: str
    at: str
    done: bool = True


class Promotions:
    """All promotions of one registered model.

    They are read once: only who has the right to drive the campaign makes new ones.

    Args:
        client: a connection of `al.tracking`.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self._rows: list[Promotion] | None = None
        self._loose: list[str] = []  # keys of those that are in no pack
        self._packed: list[str] = []  # and of those that are, which a cut may have left
        self._next = 0  # number of the next one; somebody may have taken rows away

    def all(self) -> list[Promotion]:
        """In their order."""
        if self._rows is None:
            tags = self._client.get_registered_model(self._name).tags
            packs = sorted(key for key in tags if key.startswith(PACK))
            packed = PREFIX + packs[-1].removeprefix(PACK) if packs else ""
            keys = sorted(key for key in tags if key.startswith(PREFIX))
            self._packed = [key for key in keys if key <= packed]
            keys = keys[len(self._packed) :]
            self._rows = [row for key in packs for row in self._read(list[Promotion], tags, key)]
            self._rows += [self._read(Promotion, tags, key) for key in keys]
            self._loose = keys
            numbers = [key.removeprefix(PREFIX) for key in (packed, *keys)]
            self._next = max((int(n) for n in numbers if n.isdecimal()), default=-1) + 1
        return list(self._rows)

    def _read(self, kind: Any, tags: Mapping[str, str], key: str) -> Any:
        return read_as(kind, tags[key], f"tag {key} of model {self._name}")

    def note(self, version: int | None, by: str, why: str, *, done: bool = True) -> None:
        """Enter a promotion, unless the latest one is of this version already."""
        known = self.all()
        if known and known[-1].version == version and by != "undo":
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        # A clock that was put back must not turn the order round.
        at = max([now, *(row.at for row in known[-1:])])
        self._write(Promotion(version, by, why[:500], at, done))

    def finish(self) -> None:
        """The latest one has come to its end."""
        latest = self.all()[-1]
        self._forget_latest()
        self._write(replace(latest, done=True))

    def take_back(self) -> None:
        """Take the latest one off the record: it never came about."""
        self._client.delete_registered_model_tag(self._name, self._forget_latest())

    def _forget_latest(self) -> str:
        self._rows = self.all()[:-1]
        self._next -= 1
        return self._loose.pop()

    def _write(self, row: Promotion) -> None:
        rows, key = self.all(), f"{PREFIX}{self._next:06d}"
        self._client.set_registered_model_tag(self._name, key, json.dumps(asdict(row)))
        self._rows = [*rows, row]
        self._loose.append(key)
        self._next += 1
        if len(self._loose) > LOOSE:
            self._pack()

    def _pack(self) -> None:
        """Put the earlier half into packs; one is written before what is in it goes."""
        while len(self._loose) > LOOSE // 2:
            rows = self.all()[-len(self._loose) :][: LOOSE // 2]
            sizes = accumulate(len(json.dumps(asdict(row))) for row in rows)
            count = max(1, sum(size <= FULL for size in sizes))
            pack = PACK + self._loose[count - 1].removeprefix(PREFIX)
            text = json.dumps([asdict(row) for row in rows[:count]])
            self._client.set_registered_model_tag(self._name, pack, text)
            self._packed += self._loose[:count]
            del self._loose[:count]
            while self._packed:
                self._client.delete_registered_model_tag(self._name, self._packed[-1])
                self._packed.pop()

    def table(self) -> pd.DataFrame:
        """A row for each promotion: version, from, to, by, why; times are UTC.

        `to` is "now" for the latest. MLflow's page shows an empty cell for a time with a T in it.
        """
        rows = self.all()
        begins = [row.at.partition("+")[0].replace("T", " ") for row in rows]
        ends = [*begins[1:], "now"][: len(rows)]
        cells = [
            ("none" if row.version is None else f"v{row.version}", begin, end, row.by, row.why)
            for row, begin, end in zip(rows, begins, ends, strict=True)
        ]
        return pd.DataFrame(cells, columns=COLUMNS)


def before(rows: list[Promotion], there: Container[int]) -> int | None:
    """The version to go back to: the one that stood before the present one came.

    An undo takes back what it undid, so that a second one goes back further; None where
    there is nothing before.

    Args:
        there: versions that can be gone back to; others were deleted since.
    """
    stood: list[int | None] = []
    for row in rows:
        if row.by == "undo":
            stood = stood[:-1]
            while stood and stood[-1] != row.version:  # deleted ones, which it passed over
                stood = stood[:-1]
        else:
            stood.append(row.version)
    earlier = [version for version in stood[:-1] if version is not None and version in there]
    return earlier[-1] if earlier else None
