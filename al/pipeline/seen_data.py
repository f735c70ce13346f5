"""What a campaign saw of a user's own data, cycle by cycle: ids, contents and labels.

Each cycle goes by the data as it saw it when it began: that is on record before anything
depends on it, so that what is changed meanwhile counts from the next cycle on.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from al.contracts import DataLoader, Held, Kept, Seen
from al.data.delimited import log_once
from al.errors import StateError
from al.kinds import kind_of
from al.state import check_columns, labels_in, texts_of
from al.tracking import Run, Store

_log = logging.getLogger(__name__)

#: The artifact, and the tag of the run of a campaign or a cycle that says which run has it.
SAMPLES, TAG = "samples.parquet", "al.samples"
_COLUMNS = ("id", "content", "label", "name")
#: Samples that a line names.
NAMED = 3


@dataclass
class SeenData:
    """What was seen of the data.

    Attributes:
        before: as the last closed cycle saw it, or as it was when the campaign began; None
            where that was not kept.
        saw: as the open cycle saw it; None until that is on record.
        kept_by: id of the run with the latest record; "" if there is no record.
        measured: labels that were changed, which the champion was measured by already.
    """

    before: Mapping[str, Kept] | None = None
    saw: Mapping[str, Kept] | None = None
    kept_by: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def latest(self) -> Mapping[str, Kept] | None:
        """What was seen last."""
        return self.before if self.saw is None else self.saw

    def recognise(self, data: DataLoader, keep: Container[str]) -> None:
        """Let samples that were moved be what they were; see `DataLoader.recognised`."""
        if self.latest is not None:
            data.hold(Held(data.recognised(self.latest, keep)))

    def settle(self, data: DataLoader, keep: Container[str]) -> None:
        """Let the data go by what was seen: moved samples are what they were, labels those that
        the open cycle saw.

        Where no cycle is open, a label that is gone from the data counts as it was.

        Args:
            keep: see `DataLoader.recognised`.
        """
        latest = self.latest
        if latest is None:
            return
        self.recognise(data, keep)
        now, was = Seen.of(data.seen()), Seen.of(latest)
        if not (changed := now.otherwise(was)) and len(now) == len(was):
            self._is_as_before(now)
            return
        labels = {
            id: was[id].label if id in was else None
            for id in changed
            if self.saw is not None or now[id].label is None
        }
        data.hold(Held(data.held.ids, labels))

    def _is_as_before(self, now: Seen) -> None:
        """Hold on to one of two that are the same: what is compared later is one object."""
        if self.saw is None:
            self.before = now
        else:
            self.saw = now

    def put_on_record(self, run: Run, data: DataLoader) -> None:
        """Keep what the data is now with the run of a campaign or a cycle that begins."""
        now = Seen.of(data.seen())
        if not now:
            return
        before = None if self.before is None else Seen.of(self.before)
        if before is None or len(now) != len(before) or now.otherwise(before) or not self.kept_by:
            run.save_table(SAMPLES, _as_frame(now))
            self.kept_by = run.id
        run.set_tags({TAG: self.kept_by})
        self.saw = now

    def close(self) -> None:
        """The cycle that saw it has come to its end."""
        self.before, self.saw, self.measured = self.latest, None, {}

    def tell(self, data: DataLoader) -> None:
        """Say what else than labels has changed since it was seen last."""
        if self.before is None:
            return
        now, before = Seen.of(data.seen()), Seen.of(self.before)
        both = [id for id in now.otherwise(before) if id in before]
        moved = [id for id in both if now[id].name != before[id].name]
        other = [id for id in both if now[id].content != before[id].content]
        held = [id for id in data.held.labels if id in now and id in before]
        written = zip(held, data.written(held), strict=True)
        gone = [id for id, label in written if label is None and before[id].label is not None]
        if moved:
            names = [f"{before[id].name!r} is {now[id].name!r} now" for id in moved]
            _log.info(
                f"{len(moved)} samples were moved or renamed ({some(names)}): each keeps its id, "
                "its split and its label"
            )
        if other:
            _log.warning(
                f"{len(other)} samples have other content than before under the same name "
                f"({some([repr(id) for id in other])}): answers about them stay as they are"
            )
        if gone:
            in_line = kind_of(data.spec).in_line
            names = [f"{id!r}: {in_line(before[id].label)}" for id in gone]
            log_once(
                f"{len(gone)} labels are gone from the data ({some(names)}): they count as they "
                "were; write others to change them",
                _log,
            )


def seen_so_far(
    store: Store,
    run: Run,
    last: int | None = None,
    read: dict[str, Any] | None = None,
    now: Mapping[str, Kept] | None = None,
) -> SeenData:
    """What the campaign of a run has on record.

    Args:
        last: the cycle that counts as closed last; by default the last that is.
        read: tables that were read before, by run; those that are read now are put there.
        now: the data as it is, which stands for a record that says the same.
    """
    read = {} if read is None else read
    found = store.find({"al.role": "cycle", "al.campaign_run": run.id})
    cycles = {cycle.tags.whole("al.cycle"): cycle for cycle in found}
    if last is None:
        last = max((number for number, cycle in cycles.items() if cycle.finished), default=0)
    begun = cycles[last] if last else run
    opened = cycles.get(last + 1)
    tags = [at.tags.get(TAG, "") if at is not None else "" for at in (begun, opened)]
    same = Seen.of(now or {})
    read |= {kept: _load(store.get(kept), same) for kept in {*tags} - read.keys() if kept}
    return SeenData(read.get(tags[0]), read.get(tags[1]), tags[1] or tags[0])


def now_written(data: DataLoader) -> Mapping[str, Kept]:
    """The data as it is now, whatever labels an open cycle is held to."""
    seen = Seen.of(data.seen())
    if not data.held.labels:
        return seen
    written = zip(data.written(seen.ids), seen.labels, strict=True)
    labels = [held if label is None else label for label, held in written]
    return Seen(seen.ids, seen.contents, labels, seen.names)


def _load(run: Run, now: Seen) -> Mapping[str, Kept] | None:
    """What a run has on record; None, with a line, where that is damaged or gone."""
    try:
        return _read(run, now)
    except StateError as error:
        damage = str(error).rpartition(": ")[0]
        log_once(f"{damage}: the data is taken for what it is now", _log)
        return None


def _read(run: Run, now: Seen) -> Mapping[str, Kept]:
    frame = run.load_table(SAMPLES)
    check_columns(frame, dict.fromkeys(_COLUMNS, ""), SAMPLES)
    if len(now) == len(frame) and frame[[*_COLUMNS]].equals(_as_frame(now)):
        return now  # by column: a million rows need not become objects to be compared
    try:
        ids, contents, texts, names = (frame[name].tolist() for name in _COLUMNS)
        if len(set(ids)) < len(ids):
            raise ValueError("an id is there twice")
        return Seen(ids, contents, labels_in(texts), names)
    except (TypeError, ValueError, RecursionError) as error:
        raise StateError(f"{SAMPLES} of run {run.id} is damaged ({error}): restore it") from error


def _as_frame(seen: Seen) -> pd.DataFrame:
    columns: dict[str, Sequence[Any]] = {
        "id": seen.ids,
        "content": seen.contents,
        "label": texts_of(seen.labels),
        "name": seen.names,
    }
    return pd.DataFrame(columns)


def some(names: Sequence[str]) -> str:
    """The first of them, as a line names them."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
