"""Simulated people: they err, skip, are late and change their minds, the same way every time.

    al main --annotator benchmarks.people:Person \\
        --annotator_options "accuracy=0.9, late=0.2" --quorum 0.8
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from al.contracts import SECOND, Annotator, Answer, Answers, DataLoader, Label, Query
from al.whole import whole_file


class Person(Annotator):
    """Answers with the truth, mostly; what happens to a sample follows from its id and the seed."""

    where = "a simulated desk"
    options = {
        "accuracy": "share of answers that are right, 1 by default",
        "skips": "share of samples that are skipped, 0 by default",
        "late": "share that is answered only after the next request, 0 by default",
        "never": "share that is never answered, 0 by default",
        "changes": "share of the wrong answers that is mended after the next request, 0 by default",
        "seconds": "what an answer takes, 2 by default",
        "seed": "of all of this, 0 by default",
        "folder": "where what was asked is kept, ./people by default",
    }
    asks_again = True

    def __init__(
        self, data: DataLoader, campaign: str, options: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data, campaign, options)
        self.path = Path(self.given.get("folder", "people")) / f"{campaign}.json"

    def request(self, query: Query) -> None:
        asked = self._asked()
        keys = [self._key(id, why) for id, why in zip(query.ids, query.reasons, strict=True)]
        if new := [key for key in keys if key not in asked]:
            turn = max(asked.values(), default=0) + 1
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self.path) as file:
                file.write(json.dumps(asked | dict.fromkeys(new, turn)).encode())

    def collect(self, query: Query) -> Answers:
        asked, answered = self._asked(), list[Answer]()
        skipped, waiting = list[str](), list[str]()
        for id, why in zip(query.ids, query.reasons, strict=True):
            key = self._key(id, why)
            there = key in asked and not self._falls("never", key)
            if not there or (self._falls("late", key) and not self._passed(key, asked)):
                waiting.append(id)
            elif self._falls("skips", key):
                skipped.append(id)
            else:
                answered.append(self._answer(id, key))
        return Answers(tuple(answered), tuple(skipped), tuple(waiting))

    def revised(self, labels: Mapping[str, Label]) -> tuple[Answer, ...]:
        asked = self._asked()
        truths = dict(zip(labels, self.data.truth(list(labels)), strict=True))
        return tuple(
            Answer(id, truths[id], "person", "2026-01-02T00:00:00+00:00", 1.0)
            for id, label in labels.items()
            if label not in (None, truths[id])
            and self._passed(id, asked)
            and self._falls("changes", id)
        )

    def _answer(self, id: str, key: str) -> Answer:
        (label,) = self.data.truth([id])
        if not self._falls("accuracy", key, 1.0):
            others: Sequence[Any] = [name for name in self.data.spec.classes if name != label]
            label = others[int(self._draw("which", key) * len(others))]
        seconds = float(self.given.get("seconds", 2))
        return Answer(id, label, "person", "2026-01-01T00:00:00+00:00", seconds)

    def _asked(self) -> dict[str, int]:
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def _passed(self, key: str, asked: Mapping[str, int]) -> bool:
        return asked.get(key, 0) < max(asked.values(), default=0)

    def _falls(self, name: str, key: str, default: float = 0.0) -> bool:
        return self._draw(name, key) < float(self.given.get(name, default))

    def _draw(self, name: str, key: str) -> float:
        text = f"{self.given.get('seed', 0)} {name} {key}"
        return zlib.crc32(text.encode()) / 2**32

    @staticmethod
    def _key(id: str, why: str) -> str:
        return f"{id} again" if why == SECOND else id
