"""Which training samples there were when a cycle began, and what has come and gone since."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from al.contracts import Split
from al.data_selector import distinct
from al.errors import StateError
from al.pipeline.cycle import Cycle
from al.pipeline.session import Session
from al.pipeline.steps import SELECT_DATA
from al.state import contradictory, ids_digest
from al.tracking import Run

_log = logging.getLogger(__name__)

#: Their table.
IDS = "train_ids.parquet"
_HELD_OUT: Mapping[Split, str] = {"val": "validation", "test": "test"}


def train_ids_on_record(session: Session) -> set[str]:
    """The training ids of the last cycle that began; none before the first."""
    latest = _latest(session)
    if latest is None or not (kept := latest.tags.get("al.train_ids")):
        return set()
    try:
        return set(session.store.get(kept).load_table(IDS)["id"])
    except (KeyError, StateError) as error:
        damage = str(error).rpartition(": ")[0]
        _log.warning(f"{damage}; which training samples are new is not known this time")
        return set()


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
        _tell_copies(session)
        run.save_table(IDS, pd.DataFrame({"id": ids}))
        tags["al.train_ids"] = run.id
    pool = session.pool
    figures = {"pool/size": len(pool), "pool/appeared": appeared, "pool/vanished": vanished}
    if session.asks_once:
        contents = session.contents
        figures["pool/distinct"] = len(distinct(pool, contents))
        figures["pool/contradictory"] = len(contradictory(session.state.labels, contents))
    return PoolOnRecord(tags, figures)


def _tell_copies(session: Session) -> None:
    """Say how many training samples are exact copies, whose labels contradict each other, and
    how many validation and test samples were seen in training."""
    contents, data = session.contents, session.data
    trained = set(contents.marks)
    for split, name in _HELD_OUT.items():
        ids = data.ids(split)
        prints = zip(ids, data.fingerprints(ids), strict=True)
        if seen := [id for id, mark in prints if mark in trained]:
            _log.warning(
                f"{len(seen)} of {len(ids)} {name} samples are exact copies of training samples "
                f"({seen[0]!r} first): {name} figures flatter"
            )
    if not session.asks_once:
        return
    if copies := len(contents) - len(trained):
        _log.info(
            f"{copies} of {len(contents)} training samples are exact copies of others: each "
            "content is asked about once, and one answer counts for all"
        )
    if differ := contradictory(session.state.labels, contents):
        _log.warning(
            f"{len(differ)} contents have copies whose given labels contradict each other "
            f"({', '.join(map(repr, differ[0][:3]))} first): all are learned as they are; mend them"
        )
