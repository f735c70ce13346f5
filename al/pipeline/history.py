"""Closed cycles as they are on record, and what the stop rules say of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from al.kinds import kind_of
from al.pipeline.changes import changed_in
from al.pipeline.session import Session
from al.pipeline.stopping import Standing, why_to_stop
from al.pipeline.validating import judges
from al.tracking import Run, Store

_PREFIX = "cycle/"


def closed_cycles(session: Session) -> list[Mapping[str, float]]:
    """Figures of all closed cycles, in their order."""
    if session.history is None:
        found = session.store.find({"al.role": "cycle", "al.campaign_run": session.run.id})
        closed = sorted((r for r in found if r.finished), key=lambda r: r.tags.whole("al.cycle"))
        session.history = [_figures(run.metrics) for run in closed]
    return session.history


def stop_reason(session: Session) -> str:
    """The rule that ends the campaign, in words; "" where it goes on."""
    standing = Standing(
        session.config,
        closed_cycles(session),
        pool=len(session.pool),
        validation=len(judges(session, session.state.labels).ids),
        started=session.run.started,
        now=time.time(),
        metric=session.task.metric,
        lower=session.lower,
        traits=kind_of(session.data.spec).traits,
    )
    return why_to_stop(session.stop_rules, standing)


def changes_of(session: Session) -> list[tuple[int, str]]:
    """Parameters that changed on the way, and after how many labels each change came."""
    if not session.next_changes:
        return []
    return [(labels, what) for _, labels, what in changes_in(session.store, session.run)]


def changes_in(store: Store, campaign: Run) -> list[tuple[int, int, str]]:
    """Parameters that changed on the way: the first cycle that had them, after how many labels."""
    found = store.find({"al.role": "cycle", "al.campaign_run": campaign.id})
    changes: list[tuple[int, int, str]] = []
    before: Mapping[str, Any] = {}
    labels = 0
    for run in sorted(found, key=lambda run: run.tags.whole("al.cycle")):
        now = changed_in(run)
        if new := [f"{name}={value}" for name, value in now.items() if before.get(name) != value]:
            changes.append((run.tags.whole("al.cycle"), labels, ", ".join(new)))
        before, labels = now, int(run.metrics.get("cycle/labels", labels))
    return changes


def remember(session: Session, metrics: Mapping[str, float]) -> None:
    """A cycle was closed with these metrics; where the rules have not asked, they will read it."""
    if session.history is not None:
        session.history.append(_figures(metrics))


def _figures(metrics: Mapping[str, float]) -> dict[str, float]:
    return {n.removeprefix(_PREFIX): v for n, v in metrics.items() if n.startswith(_PREFIX)}
