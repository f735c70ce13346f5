"""The label table: every answer so far, once, with where it came from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd

from al.contracts import AUDIT, Answers, Label, Query
from al.errors import StateError

#: Column → pandas dtype. `label` is JSON, so that a label can be anything; "" when skipped.
COLUMNS = {
    "id": "str",
    "label": "str",
    "status": "str",  # answered or skipped
    "cycle": "int64",
    "annotator": "str",
    "answered_at": "str",
    "seconds": "float64",
    "strategy": "str",
    "rank": "int64",
    "score": "float64",
    "model": "str",
    "propensity": "float64",  # where every sample had a known chance; else NaN
}
#: Columns that came later; a table without them is older.
LATER = {"propensity": float("nan")}
#: Annotator, strategy and model of labels that the data brought along.
GIVEN = "given"
#: What two histories must share to be the same; times may differ.
IDENTITY = ["id", "label", "status", "cycle", "annotator", "strategy", "rank", "model"]


class LabelTable:
    """An immutable table of answers, in the order they came."""

    def __init__(self, frame: pd.DataFrame | None = None) -> None:
        self.frame = pd.DataFrame({n: pd.Series(dtype=t) for n, t in COLUMNS.items()})
        if frame is not None:
            self.frame = frame[list(COLUMNS)].astype(COLUMNS).reset_index(drop=True)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def _answered(self) -> pd.DataFrame:
        return self.frame[self.frame["status"] == "answered"]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids that have a label."""
        return tuple(self._answered["id"])

    @property
    def labels(self) -> tuple[Label, ...]:
        """Their labels, in the same order."""
        return tuple(json.loads(text) for text in self._answered["label"])

    @property
    def asked(self) -> frozenset[str]:
        """Ids that were answered or skipped: never asked again."""
        return frozenset(self.frame["id"])

    @property
    def digest(self) -> str:
        """Identity of the labelled set, whatever its order; 32 hexadecimal digits."""
        rows = sorted(zip(self._answered["id"], self._answered["label"], strict=True))
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]

    def without(self, ids: Iterable[str]) -> LabelTable:
        """The table less these ids."""
        gone = frozenset(ids)
        return LabelTable(self.frame[~self.frame["id"].isin(gone)]) if gone else self

    def of_cycle(self, cycle: int) -> LabelTable:
        """The answers of one cycle."""
        return LabelTable(self.frame[self.frame["cycle"] == cycle])

    def with_answers(self, answers: Answers, query: Query, cycle: int) -> LabelTable:
        """This table and the answers to a query.

        Raises:
            StateError: an id has been answered before, or was not asked.
        """
        rank = {id: place for place, id in enumerate(query.ids)}
        rows = [
            (a.id, json.dumps(a.label, sort_keys=True), "answered", a.annotator, a.answered_at,
             a.seconds)
            for a in answers.answered
        ] + [(id, "", "skipped", "", "", None) for id in answers.skipped]  # fmt: skip
        seen = set(self.asked)
        for id, *_ in rows:
            if id not in rank:
                raise StateError(f"{id!r} was answered but not asked: check the annotator")
            if id in seen:
                raise StateError(f"{id!r} was answered twice: check the annotator")
            seen.add(id)
        new = pd.DataFrame(
            {
                "id": [row[0] for row in rows],
                "label": [row[1] for row in rows],
                "status": [row[2] for row in rows],
                "cycle": cycle,
                "annotator": [row[3] for row in rows],
                "answered_at": [row[4] for row in rows],
                "seconds": [row[5] for row in rows],
                "strategy": [query.reasons[rank[row[0]]] for row in rows],
                "rank": [rank[row[0]] for row in rows],
                "score": [query.scores[rank[row[0]]] for row in rows],
                "model": query.model,
                "propensity": [_chance(query, rank[row[0]]) for row in rows],
            }
        ).astype(COLUMNS)
        return self.with_rows(LabelTable(new))

    def with_given(self, labels: Mapping[str, Label]) -> LabelTable:
        """This table and labels that the data brought along, for ids that have none."""
        asked = self.asked
        new = {id: label for id, label in sorted(labels.items()) if id not in asked}
        if not new:
            return self
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        frame = pd.DataFrame(
            {
                "id": list(new),
                "label": [json.dumps(label, sort_keys=True) for label in new.values()],
                "status": "answered",
                "cycle": 0,
                "annotator": GIVEN,
                "answered_at": now,
                "seconds": math.nan,
                "strategy": GIVEN,
                "rank": range(len(new)),
                "score": math.nan,
                "model": GIVEN,
                "propensity": math.nan,
            }
        )
        return self.with_rows(LabelTable(frame))

    def with_rows(self, new: LabelTable) -> LabelTable:
        """This table and the rows of another.

        Raises:
            StateError: they share an id.
        """
        both = self.asked & new.asked
        if both:
            raise StateError(f"{min(both)!r} was answered in two cycles: restore the state")
        frames = [table.frame for table in (self, new) if len(table)]
        return LabelTable(pd.concat(frames, ignore_index=True) if frames else None)

    def save(self, path: Path) -> None:
        """Write as parquet."""
        self.frame.to_parquet(path, index=False)

    @classmethod
    def load(cls, path: Path) -> LabelTable:
        """Read what `save` wrote.

        Raises:
            StateError: the file is missing, corrupt or has other columns.
        """
        try:
            frame = pd.read_parquet(path)
        except FileNotFoundError:
            raise StateError(f"{path.name} is missing from the saved state: restore it") from None
        except Exception as error:  # pyarrow raises many kinds for a damaged file
            reason = str(error).partition("\n")[0]
            raise StateError(f"{path.name} is damaged ({reason}): restore it") from error
        for column, value in LATER.items():
            if column not in frame.columns:
                frame[column] = value
        check_columns(frame, COLUMNS, path.name)
        try:
            frame = frame[list(COLUMNS)].astype(COLUMNS)
            labels = frame["label"][frame["status"] == "answered"]
            for text in labels.unique():
                json.loads(text)
        except (TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise StateError(f"{path.name} is damaged ({reason}): restore it") from error
        if not frame["status"].isin(["answered", "skipped"]).all():
            raise StateError(f"{path.name} is damaged (an unknown status): restore it")
        if frame["id"].duplicated().any():
            twice = frame["id"][frame["id"].duplicated()].iloc[0]
            raise StateError(f"{path.name} holds {twice!r} twice: restore it")
        return cls(frame)


def _chance(query: Query, rank: int) -> float | None:
    """The probability that this sample was asked about, where it estimates the pool."""
    return query.propensities[rank] if query.covers or query.reasons[rank] == AUDIT else None


def check_columns(frame: pd.DataFrame, columns: Mapping[str, str], name: str) -> None:
    """Refuse a table that has other columns than expected.

    Raises:
        StateError: names the first column that is missing or too many.
    """
    for column in columns:
        if column not in frame.columns:
            raise StateError(f"{name} lacks the column {column!r}: restore it")
    for column in frame.columns:
        if column not in columns:
            raise StateError(f"{name} has an unknown column {column!r}: restore it")
