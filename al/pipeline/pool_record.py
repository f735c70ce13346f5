"""Which training samples there were when a cycle began, and what has come and gone since."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from al.pipeline.cycle import Cycle
from al.pipeline.session import Session
from al.pipeline.steps import SELECT_DATA
from al.state import ids_digest
from al.tracking import Run

_log = logging.getLogger(__name__)

#: Their table.
IDS = "train_ids.parquet"


def train_ids_on_record(session: Session) -> set[str]:
    """The training ids of the last cycle that began; none before the first."""
    latest = _latest(session)
    if latest is None or not (kept := latest.tags.get("al.train_ids")):
        return set()
    return set(session.store.get(kept).load_table(IDS)["id"])


def _latest(session: Session) -> Run | None:
    """The run that last put the training ids on record."""
    if session.seen is None:
        found = session.store.find({"al.step": SELECT_DATA.name, "al.campaign_run": session.run.id})
        session.seen = next((r for r in reversed(found) if r.finished), None)
    return session.seen


class PoolOnRecord(NamedTuple):
    """What is put on record of the pool, together with the query."""

    tags: Mapping[str, str]
    figures: Mapping[str, float]


def look_at_pool(cycle: Cycle, run: Run) -> PoolOnRecord:
    """Which training samples there are, and what has come and gone.

    The ids are kept only where they changed, so that a pool that does not costs nothing.
    """
    session = cycle.session
    ids = session.data.ids("train")
    tags = {"al.train_digest": ids_digest(ids), "al.pool_digest": ids_digest(session.pool)}
    appeared = vanished = 0
    before = _latest(session)
    if before is not None and before.tags.get("al.train_digest") == tags["al.train_digest"]:
        tags["al.train_ids"] = before.tags["al.train_ids"]
    else:
        if known := train_ids_on_record(session):
            appeared, vanished = len(set(ids) - known), len(known - set(ids))
            _log.info(
                f"cycle {cycle.number:2d}: the data has changed: {appeared} training samples "
                f"appeared, {vanished} vanished"
            )
        run.save_table(IDS, pd.DataFrame({"id": ids}))
        tags["al.train_ids"] = run.id
    size = len(session.pool)
    return PoolOnRecord(
        tags, {"pool/size": size, "pool/appeared": appeared, "pool/vanished": vanished}
    )
