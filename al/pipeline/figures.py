"""A version's figures on validation and test; again, where their labels have changed."""

from __future__ import annotations

import logging
from dataclasses import replace

from al.contracts import Split
from al.kinds import kind_of
from al.pipeline.history import closed_cycles
from al.pipeline.models import model_of
from al.pipeline.seen_data import some
from al.pipeline.session import Session
from al.pipeline.stopping import MEASURED_AGAIN
from al.pipeline.validating import judges_of, validated
from al.pipeline.workers import CampaignModel
from al.state import ChampionRecord, LabelTable, changed_labels
from al.tracking import points_of

_log = logging.getLogger(__name__)

_SPLITS: tuple[Split, ...] = ("val", "test")


def measured(
    session: Session, model: CampaignModel, version: int, labels: LabelTable
) -> ChampionRecord:
    """A version with its figures.

    Args:
        labels: the labelled set, which may judge it.
    """
    val = validated(model, judges_of(session, labels, model))
    return ChampionRecord(version, model.digest, val, model.evaluate(session.data.ids("test")))


def measure_again(session: Session) -> None:
    """Measure the champion anew where labels for validation or test were changed in the data.

    The last cycle's figures, which stop rules go by, and the last point of the learning curve
    are amended, once; on record only by who drives the campaign.
    """
    seen, record = session.seen_data, session.state.champion_record
    now = session.data.seen() if seen.saw is None else seen.saw
    if seen.before is None or not now:
        return
    if session.splits.asked:  # their labels are answers, in which changes have been heard
        return
    ids = [id for split in _SPLITS for id in session.data.ids(split)]
    changed = changed_labels(seen.before, now, ids)
    if not changed or changed == seen.measured:
        return
    seen.measured = changed
    in_line = kind_of(session.data.spec).in_line
    was = {id: in_line(seen.before[id].label) for id in changed}
    names = some([f"{id!r}: {was[id]} is {in_line(label)} now" for id, label in changed.items()])
    line = f"{len(changed)} labels for validation or test were changed in the data ({names})"
    if record is None or not session.registry.has(record.version, record.weights):
        _log.info(line)
        return
    model = model_of(session, record.version)
    again = measured(session, model, record.version, session.state.labels)
    session.state = replace(session.state, champion_record=again)
    figures = {f"{split}_{n}": v for split in _SPLITS for n, v in getattr(again, split).items()}
    mark = {} if changed.keys().isdisjoint(session.data.ids("val")) else {MEASURED_AGAIN: 1.0}
    closed = closed_cycles(session)
    closed[-1] = {**closed[-1], **figures, **mark}
    if session.driver is None:
        return
    of_cycle = {"al.role": "cycle", "al.cycle": str(session.state.cycle)}
    for run in session.store.find({**of_cycle, "al.campaign_run": session.run.id}):
        run.amend_metrics({f"cycle/{name}": value for name, value in figures.items()})
        run.log_points(points_of({f"cycle/{name}": value for name, value in mark.items()}, 0))
    for prefix in ("test", "by_seconds"):
        session.run.amend_metrics({f"{prefix}/{name}": v for name, v in again.test.items()})
    metric = session.task.metric
    changes = [
        f"{split}/{metric} {getattr(record, split)[metric]:.3f} is "
        f"{getattr(again, split)[metric]:.3f}"
        for split in _SPLITS
    ]
    _log.info(f"{line}: v{record.version} is measured again, {', '.join(changes)}")
