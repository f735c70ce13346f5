"""A version's figures on validation and test; again, where their labels have changed."""

from __future__ import annotations

import logging
from dataclasses import replace

from al.contracts import Split
from al.kinds import kind_of
from al.pipeline.cycle import Cycle
from al.pipeline.seen_data import some
from al.state import ChampionRecord, changed_labels

_log = logging.getLogger(__name__)

_SPLITS: tuple[Split, ...] = ("val", "test")


def measured(cycle: Cycle, version: int) -> ChampionRecord:
    """A version with its figures."""
    return ChampionRecord(
        version,
        cycle.model(version).digest,
        cycle.evaluate(version, "val"),
        cycle.evaluate(version, "test"),
    )


def measure_again(cycle: Cycle) -> None:
    """Measure the champion anew where labels for validation or test were changed in the data.

    The last point of the learning curve is amended, once.
    """
    session = cycle.session
    seen, record = session.seen_data, session.state.champion_record
    if seen.before is None or seen.saw is None:
        return
    ids = [id for split in _SPLITS for id in session.data.ids(split)]
    changed = changed_labels(seen.before, seen.saw, ids)
    if not changed:
        return
    said = kind_of(session.data.spec).in_line
    was = {id: said(seen.before[id].label) for id in changed}
    names = some([f"{id!r}: {was[id]} is {said(label)} now" for id, label in changed.items()])
    line = f"{len(changed)} labels for validation or test were changed in the data ({names})"
    if record is None or not session.registry.has(record.version, record.weights):
        _log.info(line)
        return
    again = measured(cycle, record.version)
    session.state = replace(session.state, champion_record=again)
    for prefix in ("test", "by_seconds"):
        session.run.amend_metrics({f"{prefix}/{name}": v for name, v in again.test.items()})
    metric = session.task.metric
    figures = [
        f"{split}/{metric} {before[metric]:.3f} is {now[metric]:.3f}"
        for split, before, now in (
            ("val", record.val, again.val),
            ("test", record.test, again.test),
        )
    ]
    _log.info(f"{line}: v{record.version} is measured again, {', '.join(figures)}")
