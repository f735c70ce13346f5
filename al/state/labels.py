"""The label table: every sample ever asked about, once, with its answer and where it came from."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al.contracts import SECOND, Answer, Answers, Label, Query
from al.errors import StateError
from al.state.columns import COLUMNS, EMPTY, as_table, typed
from al.state.many import (
    by_id,
    differing,
    joined,
    labels_in,
    pairs_digest,
    renumbered,
    some_of,
)
from al.state.rows import (
    GIVEN,
    add_second,
    answered,
    as_json,
    as_vote,
    cells,
    corrected,
    given_again,
    votes_of,
)


class LabelTable:
    """An immutable table of samples that were asked about, in the order of asking."""

    def __init__(self, frame: pd.DataFrame | None = None) -> None:
        self.frame = EMPTY if frame is None else renumbered(typed(frame))

    @classmethod
    def _of(cls, frame: pd.DataFrame) -> LabelTable:
        """A table of a frame that has all columns in their types; no row is touched."""
        made = cls.__new__(cls)
        made.frame = frame if isinstance(frame.index, pd.RangeIndex) else renumbered(frame)
        return made

    def __len__(self) -> int:
        return len(self.frame)

    # -- reading -----------------------------------------------------------------------------

    def _answered(self, column: str) -> list[Any]:
        """A column, of those that have a label."""
        return list(self.frame[column][self.frame["status"] == "answered"].tolist())

    @cached_property
    def originals(self) -> LabelTable:
        """The table less the copies, which have the answer of another sample."""
        own = self.frame["copy_of"] == ""
        return self if own.all() else LabelTable._of(self.frame[own])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids that have a label, their own or that of what they copy."""
        return tuple(self._answered("id"))

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """Their labels, in the same order."""
        return tuple(labels_in(self._answered("label")))

    @cached_property
    def asked(self) -> frozenset[str]:
        """Ids that were ever asked about, and copies of these: none is asked about again."""
        many, few = self._ids
        self._ids = many.union(few) if few else many, frozenset()
        return self._ids[0]

    @cached_property
    def _ids(self) -> tuple[frozenset[str], frozenset[str]]:
        """The ids of all rows in two sets: those added since the first one was made, which takes
        as long as there are rows, are in the second."""
        return frozenset(self.frame["id"].tolist()), frozenset()

    def _asked(self, ids: Iterable[str]) -> list[str]:
        """Those of these ids that were asked about."""
        many, few = self._ids
        return [id for id in ids if id in many or id in few]

    @cached_property
    def collected(self) -> dict[str, Label]:
        """What annotators answered, by id; None where the sample was skipped.

        Where the data changed a label later, the annotator's answer counts here. Copies
        are left out.
        """
        frame = self.originals.frame[["id", "label", "status", "annotator", "before"]]
        back = frame[frame["status"] != "waiting"]
        found = dict(zip(back["id"].tolist(), labels_in(back["label"].tolist()), strict=True))
        corrected = back[(back["annotator"] == GIVEN) & (back["before"] != "")]
        columns = (corrected[name] for name in ("id", "label", "annotator", "before"))
        for id, label, annotator, before in zip(*columns, strict=True):
            found[id] = answered(label, annotator, before)
        return found

    @cached_property
    def waiting(self) -> pd.DataFrame:
        """The samples, or second opinions, that were asked for and have no answer yet."""
        rows = self._open
        second = (rows["again"] > 0) & ~rows["votes"].str.contains('"again": "', regex=False)
        rows = rows.assign(strategy=rows["strategy"].mask(second, SECOND))
        return rows[(rows["status"] == "waiting") | second]

    @cached_property
    def _open(self) -> pd.DataFrame:
        """The rows that wait for an answer, or for which a second opinion was ever asked."""
        frame = self.originals.frame
        return some_of(frame, (frame["status"] == "waiting") | (frame["again"] > 0))

    @property
    def seconds(self) -> float:
        """How long people took for all answers, as far as it is known."""
        alone = self.frame["seconds"][self.frame["votes"] == ""].sum()
        votes = [vote for text in self._votes for vote in json.loads(text)]
        return float(alone) + sum(vote["seconds"] or 0.0 for vote in votes)

    @property
    def paid(self) -> int:
        """Labels that were paid for: one a sample, and the second opinions."""
        second = sum(given_again(json.loads(text)) for text in self._votes)
        return len(self.originals.ids) + second

    @property
    def _votes(self) -> pd.Series:
        return self.frame["votes"][self.frame["votes"] != ""]

    @cached_property
    def digest(self) -> str:
        """Identity of the labelled set, whatever its order; 32 hexadecimal digits."""
        answered = self.frame["status"] == "answered"
        return pairs_digest(self.frame["id"][answered], self.frame["label"][answered])

    def without(self, ids: Iterable[str]) -> LabelTable:
        """The table less these ids."""
        gone = frozenset(ids)
        return LabelTable._of(self.frame[~self.frame["id"].isin(gone)]) if gone else self

    def released(self, ids: Iterable[str]) -> LabelTable:
        """The table less those of these ids that are copies, for they get rows of their own."""
        if self.originals is self:
            return self
        copies = (self.frame["copy_of"] != "") & self.frame["id"].isin(frozenset(ids))
        return LabelTable._of(self.frame[~copies]) if copies.any() else self

    def since(self, before: LabelTable) -> LabelTable:
        """The rows that another table lacks or has otherwise."""
        mine, theirs = self.frame, before.frame
        count = len(theirs)
        if count <= len(mine) and mine["id"].iloc[:count].equals(theirs["id"]):
            return LabelTable._of(mine[differing(mine, theirs)])  # as of a table that grew
        both = mine.merge(theirs, how="left", indicator=True)
        return LabelTable(mine[both["_merge"] == "left_only"])

    # -- adding ------------------------------------------------------------------------------

    def with_answers(self, answers: Answers, query: Query, cycle: int) -> LabelTable:
        """This table, with a query and what has come back of it and of earlier ones.

        Raises:
            StateError: an id has been answered before, or was not asked.
        """
        table, new = self._asked_again(query, cycle), self._asked_first(query, cycle)
        waiting = table.waiting
        second = frozenset(waiting["id"][waiting["strategy"] == SECOND])
        votes = defaultdict[str, list[Answer]](list)
        for vote in answers.votes:
            votes[vote.id].append(vote)
        rows = by_id(table._open.loc[waiting.index]) | by_id(new.frame)
        changed: dict[str, dict[str, Any]] = {}
        for id in (*(answer.id for answer in answers.answered), *answers.skipped):
            if id not in rows and not self._asked([id]):
                raise StateError(f"{id!r} was answered but not asked: check the annotator")
            if id in changed or id not in rows:
                raise StateError(f"{id!r} was answered twice: check the annotator")
            changed[id] = rows[id]
        for answer in answers.answered:
            row = changed[answer.id]
            if answer.id in second:
                add_second(row, answer, cycle)
            else:
                row |= {**cells(answer), "status": "answered", "collected": cycle}
                several = [as_vote(vote) for vote in votes[answer.id]]
                row["votes"] = as_json(several) if several else ""
        for id in answers.skipped:
            if id in second:
                seen = votes_of(changed[id])
                changed[id]["votes"] = as_json([*seen, {"again": "skipped", "seconds": None}])
            else:
                changed[id] |= {"status": "skipped", "collected": cycle}
        first = {id: rows[id] for id in new.frame["id"].tolist()}  # in the order of asking
        return table.updated(LabelTable.of((first | changed).values()))

    def with_corrections(self, answers: Sequence[Answer], cycle: int) -> LabelTable:
        """This table, with answers that were changed after they were collected.

        The label of before is kept, with who gave it and when; an answer that says what
        the table says changes nothing.

        Raises:
            StateError: a sample has no answer that could have changed.
        """
        if not answers:
            return self
        known = by_id(self.frame[self.frame["id"].isin({answer.id for answer in answers})])
        changed: dict[str, dict[str, Any]] = {}
        for answer in answers:
            if answer.id not in known or known[answer.id]["status"] == "waiting":
                raise StateError(
                    f"{answer.id!r} was corrected but never answered: check the annotator"
                )
            row = changed.get(answer.id) or known[answer.id]
            if as_json(answer.label) != row["label"]:
                changed[answer.id] = corrected(row, answer, cycle)
        return self.updated(LabelTable.of(changed.values())) if changed else self

    def _asked_first(self, query: Query, cycle: int) -> LabelTable:
        """A row for each id of a query that has none, waiting.

        Raises:
            StateError: an id was asked about before, and not for a second opinion.
        """
        first = [rank for rank, why in enumerate(query.reasons) if why != SECOND]
        if both := self._asked(query.ids[rank] for rank in first):
            raise StateError(f"{min(both)!r} was answered twice: check the annotator")
        return _rows(
            {
                "id": [query.ids[rank] for rank in first],
                "status": "waiting",
                "cycle": cycle,
                "strategy": [query.reasons[rank] for rank in first],
                "rank": first,
                "score": [query.scores[rank] for rank in first],
                "model": query.model,
                "propensity": [_chance(query, rank) for rank in first],
            }
        )

    def _asked_again(self, query: Query, cycle: int) -> LabelTable:
        """This table, with the second opinions that a query asks for."""
        again = [id for id, why in zip(query.ids, query.reasons, strict=True) if why == SECOND]
        if not again:
            return self
        marked = self.frame["again"].mask(self.frame["id"].isin(again), cycle)
        return LabelTable._of(self.frame.assign(again=marked))

    def with_given(self, labels: Mapping[str, Label]) -> LabelTable:
        """This table and labels that the data brought along, for ids that have none."""
        asked = self.originals.asked
        new = {id: label for id, label in sorted(labels.items()) if id not in asked}
        if not new:
            return self
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return self.released(new).updated(
            _rows(
                {
                    "id": list(new),
                    "label": [as_json(label) for label in new.values()],
                    "status": "answered",
                    "annotator": GIVEN,
                    "answered_at": now,
                    "strategy": GIVEN,
                    "rank": range(len(new)),
                    "model": GIVEN,
                }
            )
        )

    @classmethod
    def begun_with(cls, frame: pd.DataFrame) -> LabelTable:
        """Labels that were given elsewhere, as a campaign begins with them.

        Args:
            frame: `id` and `label` in JSON; who gave it, when, in how many seconds and seeing
                what is kept where it is known.
        """
        texts = ("annotator", "answered_at", "shown", "votes", "before")
        known = {name: frame[name].fillna("").astype(str) for name in texts if name in frame}
        if "seconds" in frame:
            known["seconds"] = pd.to_numeric(frame["seconds"], errors="coerce")
        rows = {
            "annotator": GIVEN,
            **known,
            "id": list(frame["id"]),
            "label": list(frame["label"]),
            "status": "answered",
            "strategy": GIVEN,
            "rank": range(len(frame)),
            "model": GIVEN,
        }
        return _rows(rows)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> LabelTable:
        """A table of these rows."""
        found = list(rows)
        return cls(pd.DataFrame(found) if found else None)

    def updated(self, new: LabelTable) -> LabelTable:
        """This table with the rows of another in the place of those with the same ids.

        Raises:
            StateError: they say of an id that it was asked about in different cycles.
        """
        mine, theirs = self.frame, new.frame
        if not len(theirs):
            return self
        known = self._asked(theirs["id"].tolist())
        at = np.flatnonzero(mine["id"].isin(known)) if known else np.zeros(0, np.int64)
        row_of = {
            id: row for row, id in zip(at.tolist(), mine["id"].iloc[at].tolist(), strict=True)
        }
        same = np.array([id in row_of for id in theirs["id"].tolist()], bool)
        replaced = theirs[same]
        rows = np.array([row_of[id] for id in replaced["id"].tolist()], np.int64)
        differ = mine["cycle"].to_numpy()[rows] != replaced["cycle"].to_numpy()
        if differ.any():
            id = replaced["id"].to_numpy()[differ].min()
            raise StateError(f"{id!r} was answered in two cycles: restore the state")
        # Rows before the first that changes are not touched, and there are many of them.
        first = int(rows.min()) if len(rows) else len(mine)
        parts = [mine.iloc[:first]]
        if len(rows):
            rest = mine.iloc[first:]
            order = np.arange(len(rest))
            order[rows - first] = len(rest) + np.arange(len(rows))
            parts.append(pd.concat([rest, replaced], ignore_index=True).iloc[order])
        parts.append(theirs[~same])
        made = LabelTable._of(joined([part for part in parts if len(part)]))
        many, few = self._ids
        made._ids = many, few.union(parts[-1]["id"].tolist())
        return made

    # -- files -------------------------------------------------------------------------------

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
        return cls._of(as_table(frame, path.name))


def _rows(columns: Mapping[str, Any]) -> LabelTable:
    """New rows; the columns that are not given get defaults."""
    empty = {"str": "", "int64": 0, "float64": math.nan}
    blank = {name: empty[kind] for name, kind in COLUMNS.items()}
    return LabelTable(pd.DataFrame(blank | dict(columns)))


def _chance(query: Query, rank: int) -> float:
    """The probability that this sample was asked about, where it estimates the pool."""
    chance = query.chance(rank)
    return float("nan") if chance is None else chance
