"""Labels by the model where a fresh draw shows that few enough are wrong; the rest is people's.

A *look* is a draw and its test. It is planned from what is known (the model's calibrated
confidence, validation, and earlier draws for the same version), put on record with all that it
is about, asked about like any query, and decided when all of it is answered, once. So nothing
of it depends on when answers come, on what becomes of the version meanwhile, or on a kill.
The test itself is in `al.compare.acceptance`.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path

from al.compare import answers_needed, bound
from al.contracts import Query
from al.errors import ConfigError
from al.kinds import kind_of
from al.pipeline.asking import check_answers, hear, reached
from al.pipeline.auto_labels_out import free_folder, write
from al.pipeline.cycle import Waiting, ended
from al.pipeline.draws import ANSWERS, AUTO_LABEL, DRAWN, draw_runs
from al.pipeline.look_plan import planned
from al.pipeline.look_record import DECISION, LOOK, SCORED, Decision, Look, Promise, Tested
from al.pipeline.predicting import in_production
from al.pipeline.session import Session
from al.state import LabelTable
from al.tracking import Run

_log = logging.getLogger(__name__)


def auto_label(session: Session, promise: Promise, most: int, to: str, format: str) -> Path | None:
    """Label what can be labelled as promised; where people have to answer first, say so.

    Args:
        most: answers that a look asks for at most, of each class where `promise.per_class`.
        to, format: see `al.pipeline.auto_labels_out.write`.

    Returns:
        The folder; None where nothing is labelled, or not yet.

    Raises:
        ConfigError: labels are not classes, nothing can be drawn, or another promise waits.
        RegistryError: no version is in Production.
        ExportError: the folder cannot be written.
    """
    kind = kind_of(session.data.spec)
    if kind.form != "choice":
        raise ConfigError(
            f"auto-label counts wrong labels, and where labels are {kind.labels_are} none is "
            "simply right or wrong: al predict says what the model believes"
        )
    run = _run(session, promise, most)
    if run is None:
        return None
    folder = free_folder(session, run, to, format)
    if run.finished:
        decision = run.load_json(DECISION, Decision)
        write(decision, run.load_table(SCORED), folder, format, run)
        return folder
    try:
        with ended(run.reopen(), lambda: _finish(session, run)):
            decision = _decided(session, run)
            if decision.passed:
                write(decision, run.load_table(SCORED), folder, format, run)
    except Waiting as waiting:
        _log.warning(f"{waiting}; the same command goes on")
        return None
    return folder if decision.passed else None


def _run(session: Session, promise: Promise, most: int) -> Run | None:
    """The run of the look to go on with: the open one, one that holds as it is, or a new one."""
    runs = draw_runs(session.store, session.run)
    last = runs[-1] if runs else None
    if last is not None and "al.drawn" in last.tags:
        look = last.load_json(LOOK, Look)
        if not last.finished:
            if look.promise != promise:
                raise ConfigError(
                    f"look {look.number} of auto-label is not decided yet: give what it is for "
                    f"until then, {look.promise}"
                )
            return last
        if look.promise == promise and _holds(session, last, look):
            return last
    made = last if last is not None and "al.drawn" not in last.tags else None
    found = planned(session, promise, most, [run for run in runs if run != made])
    if found is None:
        return None
    number = found.look.number
    tags = {**session.tags, "al.role": "step", "al.step": AUTO_LABEL, "al.look": str(number)}
    name = f"{AUTO_LABEL} {number}"
    run = made or session.store.create(name, tags, parent=session.run.id, kind=AUTO_LABEL)
    drawn = found.scored[found.scored["drawn"]]
    run.save_table(SCORED, found.scored)
    run.save_table(DRAWN, drawn[["id"]])
    run.save_json(LOOK, asdict(found.look))
    run.set_tags({"al.drawn": len(drawn), "al.model": session.registry.uri(found.look.version)})
    for part in found.look.parts:
        of = f" labelled {part.name!r}" if part.name else ""
        _log.info(
            f"look {number}: {part.plan.answers} of {part.plan.size} samples{of} that "
            f"v{found.look.version} is at least {part.plan.threshold:.1%} sure of are drawn; "
            f"passes with {part.plan.wrong} wrong at most"
        )
    return run


def _holds(session: Session, run: Run, look: Look) -> bool:
    """Whether a look that is decided says all that there is to say: it labelled something, for
    the version in Production and for all samples that there are by now."""
    if not run.load_json(DECISION, Decision).passed:
        return False
    model, version = in_production(session)
    if (version, model.digest) != (look.version, look.weights):
        return False
    known = set(run.load_table(SCORED)["id"])
    return not session.apart(session.pool, known)


def _decided(session: Session, run: Run) -> Decision:
    """The decision: what is on record, or made now that all of the draw is answered.

    Raises:
        Waiting: some of it is not.
        LabelError: an answer is not a label of the task.
    """
    if run.has(DECISION):
        return run.load_json(DECISION, Decision)
    look, scored = run.load_json(LOOK, Look), run.load_table(SCORED)
    drawn = scored[scored["drawn"]]
    answers = _answers(session, run, look, list(drawn["id"]))
    answered = dict(zip(answers.ids, answers.labels, strict=True))
    wrong = drawn["label"] != drawn["id"].map(answered)
    tested = []
    for place, part in enumerate(look.parts):
        of_part = drawn["part"] == place
        count, asked = int(wrong[of_part].sum()), int(of_part.sum())
        found = bound(count, asked, part.plan.size, look.alpha)
        passed = found <= look.promise.error
        left = part.plan.size - asked if passed else 0
        needed = answers_needed(count, part.plan.size, look.promise.error, look.alpha)
        tested.append(Tested(part.name, part.plan.size, asked, count, found, left, needed))
    decision = Decision(look, session.registry.uri(look.version), tested)
    run.save(lambda folder: answers.save(folder / ANSWERS))
    run.save_json(DECISION, asdict(decision))
    run.log_metrics(_figures(decision))
    lines = [_line(decision, part) for part in tested]
    for line in lines:
        _log.info(line)
    run.describe("; ".join(lines)[:5000])
    return decision


def _answers(session: Session, run: Run, look: Look, ids: list[str]) -> LabelTable:
    """The answers to the draw, all of them.

    Raises:
        Waiting: some are not there.
    """
    many = len(ids)
    query = Query(
        ids=tuple(ids),
        scores=(1.0,) * many,
        reasons=(AUTO_LABEL,) * many,
        propensities=(None,) * many,
        strategy=AUTO_LABEL,
        model=session.registry.uri(look.version),
        cycle=session.state.cycle,
    )
    there = query
    if gone := session.data.missing(ids):
        _log.warning(f"{len(gone)} samples of the draw have vanished: each counts as an error")
        with reached(session):
            session.annotator.withdraw(gone)
        there = query.without(gone)
    answers, found = hear(there, session, run, whole=True)
    check_answers(answers.answered, session.data)
    if not found.go:
        raise Waiting(f"waiting: {found.text}")
    return LabelTable().with_answers(answers, there, session.state.cycle)


def _finish(session: Session, run: Run) -> None:
    """End the run; from the next cycle that begins on, the answers are labels."""
    open_too = session.open_run is not None
    run.set_tags({"al.joins": session.state.cycle + 1 + open_too})
    run.finish()


def _figures(decision: Decision) -> dict[str, float]:
    tested = decision.tested
    return {
        "auto_label/asked": sum(part.asked for part in tested),
        "auto_label/wrong": sum(part.wrong for part in tested),
        "auto_label/labelled": sum(part.labelled for part in tested),
        "auto_label/bound": max(part.bound for part in tested),
    }


def _line(decision: Decision, part: Tested) -> str:
    look, of = decision.look, f"{part.name!r}: " if part.name else ""
    found = (
        f"look {look.number}: {of}{part.wrong} of {part.asked} drawn are wrong, so at most "
        f"{part.bound:.2%} of the other {part.region - part.asked}"
    )
    if part.labelled:
        return f"{found}, which v{look.version} labels; {look.promise}"
    more = "no number of answers" if part.needed is None else f"{part.needed} answers"
    short = "" if part.needed is None else f", {part.needed - part.asked} more"
    return (
        f"{found}: more than error={look.promise.error:g}, none is labelled; as many errors "
        f"take {more}{short}. The same command draws afresh"
    )
