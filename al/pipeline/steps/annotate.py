"""Step annotate: get the query answered."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping

from al.contracts import Answers, Query
from al.errors import StateError
from al.pipeline.asking import (
    Outlook,
    check_answers,
    collected,
    hear,
    joined,
    outlook,
    reached,
    written_meanwhile,
)
from al.pipeline.cycle import Cycle, Waiting
from al.pipeline.growing import check_new, new_in, tell_new, without_new
from al.pipeline.query_record import load_query
from al.pipeline.seen_data import some
from al.pipeline.session import Session, check_labels
from al.pipeline.steps import ANNOTATE, SELECT_DATA
from al.state import LabelTable, read_as, with_written
from al.tracking import Run

_log = logging.getLogger(__name__)

ANSWERS = "answers.parquet"
#: Tag of the step's run: classes that answers named and the task does not know yet.
NEW_CLASSES = "al.new_classes"


def annotate(cycle: Cycle) -> bool:
    """Get the query's answers into the labelled set, once; the cycle goes on.

    With them come late answers to earlier queries, and answers that were changed since.

    Raises:
        Waiting: not enough of the query is answered yet.
        LabelError: an answer is not a label of the task.
    """
    session, query = cycle.session, cycle.query
    assert query is not None  # select-data comes first
    new = _collected_before(cycle, query)
    held = session.splits.asked
    if new is not None:
        judging = new.without(new.asked - held)
        new = new.without(held)
        cycle.labels = session.with_copies(session.state.labels.released(new.asked).updated(new))
        cycle.held_out = session.state.held_out.updated(judging)
        session.hear(cycle.held_out)
        cycle.new_classes = _new_classes(cycle.steps[ANNOTATE.name, 0])
        return False
    with cycle.step(ANNOTATE) as run:
        query = _present(query, cycle)
        begun = time.monotonic()
        answers, found = hear(query, session, run)
        cycle.waited += time.monotonic() - begun
        named = new_in((*answers.answered, *answers.votes), session.data)
        check_new(named, session.config.new_classes, session.data)
        answers = without_new(answers, named)
        check_answers(answers.answered, session.data)
        if not found.go:
            raise Waiting(f"waiting: {found.text}")
        before, judging = session.state.labels.released(query.ids), session.state.held_out
        learned, judges = answers.parted(held)
        heard = before.with_answers(learned, query.without(held), cycle.number)
        rest = frozenset(query.ids) - held
        judged = judging.with_answers(judges, query.without(rest), cycle.number)
        with reached(session):
            known = (session.present(table).collected for table in (heard, judged))
            corrected = session.annotator.revised({**next(known), **next(known)})
        later = new_in(corrected, session.data)
        check_new(later, session.config.new_classes, session.data)
        corrected = tuple(a for a in corrected if not any(a in given for given in later.values()))
        cycle.new_classes = tuple(dict.fromkeys((*named, *later)))
        check_answers(corrected, session.data)
        written = _written(answers, cycle)
        labels, held_out = (
            written(table.with_corrections(some, cycle.number))
            for table, some in (
                (heard, [answer for answer in corrected if answer.id not in held]),
                (judged, [answer for answer in corrected if answer.id in held]),
            )
        )
        new = labels.since(before).updated(held_out.since(judging))  # copies change with theirs
        run.save(lambda folder: new.save(folder / ANSWERS))
        if cycle.new_classes:
            run.set_tags({NEW_CLASSES: json.dumps(cycle.new_classes)})
            tell_new({**later, **named}, session.data, cycle.number)
        own = [answer for answer in answers.answered if answer.id in query.ids]
        figures = {
            "answered": len(own),
            "skipped": len(answers.skipped),
            "late": len(answers.answered) - len(own),
            "waiting": len(labels.waiting) + len(held_out.waiting),
            "corrected": len(labels.since(heard)) + len(held_out.since(judged)),
            "seconds": labels.seconds - before.seconds + held_out.seconds - judging.seconds,
        }
        run.log_metrics({f"answers/{name}": value for name, value in figures.items()})
        also = [
            f"{figures[name]} {name}"
            for name in ("late", "skipped", "corrected", "waiting")
            if figures[name]
        ]
        cycle.outcome = ", ".join(
            [f"{len(own)} answered", *also, f"{len(labels.originals.ids)} labels in all"]
        )
        if held and held_out is not judging:
            cycle.outcome += f" and {_judging(held_out)}"
            _log.info(f"cycle {cycle.number:2d}: {cycle.outcome}")
            also = []
        if {"late", "corrected", "waiting"} & {word.split()[-1] for word in also}:
            _log.info(f"cycle {cycle.number:2d}: {cycle.outcome}")
        run.describe(cycle.outcome)
    cycle.labels, cycle.held_out = session.with_copies(labels), held_out
    session.hear(held_out)
    return False


def _collected_before(cycle: Cycle, query: Query) -> LabelTable | None:
    """The rows that the step left when it was done; None where it has to be done."""
    done = cycle.done(ANNOTATE)
    if done is None:
        return None
    try:
        new = LabelTable.load(done.path(ANSWERS))
    except StateError as error:
        damage = str(error).rpartition(": ")[0]
        _log.warning(f"cycle {cycle.number}: {damage}; the answers are collected again")
        return None
    state = cycle.session.state
    known = state.labels.originals.asked.union(state.held_out.asked, query.ids)
    if strange := sorted(new.asked - known):
        raise StateError(f"{ANSWERS} answers {strange[0]!r}, which was not asked: restore it")
    return check_labels(new, cycle.session.data)


def _judging(held_out: LabelTable) -> str:
    """What people said of samples that judge models, in words."""
    rows = held_out.frame
    texts = []
    for what, own in rows.groupby("strategy"):
        there, skipped = ((own["status"] == status).sum() for status in ("answered", "skipped"))
        left_out = f" ({skipped} skipped, which are left out)" if skipped else ""
        texts.append(f"{there} of {len(own)} for {what}{left_out}")
    return ", ".join(texts)


def _written(answers: Answers, cycle: Cycle) -> Callable[[LabelTable], LabelTable]:
    """What makes count as later, in a table, what the data says by now of samples that were asked
    about."""
    session = cycle.session
    written = written_meanwhile([answer.id for answer in answers.answered], session)
    if not written:
        return lambda labels: labels
    _log.info(
        f"cycle {cycle.number:2d}: {len(written)} samples that were asked about have a label in "
        f"the data by now ({some([repr(answer.id) for answer in written])}), which counts"
    )
    with reached(session):
        session.annotator.withdraw([answer.id for answer in written])
    given = {answer.id: answer.label for answer in written}
    return lambda labels: with_written(labels, given, cycle.number, written[0].answered_at)


def _new_classes(run: Run) -> tuple[str, ...]:
    text = run.tags.get(NEW_CLASSES, "[]")
    return tuple(read_as(list[str], text, f"tag {NEW_CLASSES} of {run.name!r}"))


def heard_so_far(session: Session, runs: Mapping[str, Run]) -> Outlook:
    """Whether the cycle can go on with what is answered by now; only looks.

    Args:
        runs: of the open cycle, by step.
    """
    try:
        query = load_query(runs[SELECT_DATA.name])
    except StateError:  # a command that drives the campaign makes it again
        return Outlook(True, 0, "its query is damaged")
    query = query.without(session.data.missing(query.ids))
    answers = collected(joined(query, session), session)
    return outlook(query, answers, session, runs[ANNOTATE.name].started)


def _present(query: Query, cycle: Cycle) -> Query:
    """The query less the samples that have vanished since; nobody need answer these."""
    session = cycle.session
    waiting = list(session.state.waiting["id"])
    gone = session.data.missing(query.ids)
    if gone:
        _log.warning(f"cycle {cycle.number:2d}: {len(gone)} samples of the query have vanished")
    if unwanted := [*gone, *session.data.missing(waiting)]:
        with reached(session):
            session.annotator.withdraw(unwanted)
    return query.without(gone)
