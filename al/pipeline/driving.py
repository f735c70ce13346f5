"""What drives a campaign: the cycles that are missing, and the steps of one."""

from __future__ import annotations

import logging

from al.pipeline.achieved import tell_achieved
from al.pipeline.closing import close
from al.pipeline.cycle import Cycle, Waiting, begin_cycle, ended, needs, next_step, open_cycle
from al.pipeline.figures import measure_again
from al.pipeline.history import stop_reason
from al.pipeline.notices import Event, tell_of
from al.pipeline.reporting import renew
from al.pipeline.session import Session
from al.pipeline.steps import Step

_log = logging.getLogger(__name__)


def run_missing(session: Session) -> bool:
    """Run the cycles that are missing; False where people have to answer first."""
    cycle = open_cycle(session)
    if cycle is None and session.state.cycle >= session.config.cycles:
        _log.info(
            f"campaign {session.config.name} is finished: {session.closed}, "
            f"{len(session.state.labels.originals.ids)} labels; "
            f"cycles={session.config.cycles + 10} goes on"
        )
        _tell_end(session, session.run.tags.get("al.stopped", ""))
        return True
    if cycle is None:
        measure_again(session)  # before stop rules go by its figures
    while cycle is not None or not (reason := stop_reason(session)):
        if not advance(cycle or begin_cycle(session)):
            return False
        cycle = None
    waiting = len(session.state.waiting)
    also = f"; answers to {waiting} samples are still waited for" if waiting else ""
    _log.info(f"campaign {session.config.name} ends: {reason}{also}")
    session.run.set_tags({"al.stopped": reason})
    _tell_end(session, reason)
    return True


def _tell_end(session: Session, reason: str) -> None:
    """Tell that the campaign has ended, and where it stands."""
    record, labels = session.state.champion_record, len(session.state.labels.originals.ids)
    metric = session.task.metric
    figure = f", test/{metric} {record.test[metric]:.3f}" if record else ""
    text = f"the campaign has ended: {reason} ({labels} labels{figure})"
    if reason:
        session.notices.tell(session.run, Event("ended", reason, text, {"labels": labels}))


def advance(cycle: Cycle, only: Step | None = None) -> bool:
    """Run a cycle's steps; False where people have to answer first.

    Steps that are done are not done again: what they left is read.

    Args:
        only: the step to do; it is refused where those before it are not done.
    """

    def finish() -> None:
        if not cycle.run.finished:
            cycle.run.end("SCHEDULED")

    steps = cycle.session.steps
    try:
        with ended(cycle.run, finish), cycle.session.annotator.at_work():
            measure_again(cycle.session)
            if only:
                cycle.outcome = f"{only.name} was done before" if needs(cycle, only) else ""
            for step in steps:
                over = step.load()(cycle) or step is steps[-1]
                tell_of(cycle)
                if over:
                    close(cycle)
                if over or step is only:
                    break
    except Waiting as waiting:
        _log.warning(f"{waiting}; the same command goes on")
        return False
    if over:
        tell_achieved(cycle.session)
        renew(cycle.session)
    elif then := next_step(cycle):
        _log.info(f"cycle {cycle.number}: {cycle.outcome}; next is {then.name}")
    return True
