"""Step annotate: get the query answered."""

from __future__ import annotations

from al.contracts import Answers
from al.errors import LabelError, StateError
from al.pipeline.cycle import Cycle, Waiting
from al.pipeline.session import check_labels
from al.progress import say
from al.state import LabelTable

STEP = "annotate"
ANSWERS = "answers.parquet"


def annotate(cycle: Cycle) -> bool:
    """Get the query's answers into the labelled set, once; the cycle goes on.

    Raises:
        Waiting: some of the query is not answered yet.
        LabelError: an answer is no label of the task.
    """
    session, query = cycle.session, cycle.query
    assert query is not None  # select-data comes first
    if done := cycle.done(STEP):
        new = check_labels(LabelTable.load(done.path(ANSWERS)), session.data)
        strange = [id for id in new.asked if id not in query.ids]
        if strange:
            raise StateError(f"{ANSWERS} answers {strange[0]!r}, which was not asked: restore it")
        cycle.labels = session.state.labels.with_rows(new)
        return False
    with cycle.step(STEP) as run:
        if gone := session.data.missing(query.ids):
            say(f"cycle {cycle.number:2d}: {len(gone)} samples of the query have vanished")
            query = query.without(gone)
        session.annotator.request(query)
        answers = session.annotator.collect(query)
        _check(answers, cycle)
        if answers.waiting:
            answered = len(query.ids) - len(answers.waiting)
            where = f", at {session.annotator.where}" if session.annotator.where else ""
            raise Waiting(f"waiting: {answered} of {len(query.ids)} answered{where}")
        labels = session.state.labels.with_answers(answers, query, cycle.number)
        new = labels.of_cycle(cycle.number)
        run.save(lambda folder: new.save(folder / ANSWERS))
        seconds = [answer.seconds for answer in answers.answered if answer.seconds is not None]
        run.log_metrics(
            {
                "answers/answered": len(answers.answered),
                "answers/skipped": len(answers.skipped),
                "answers/seconds": sum(seconds),
            }
        )
        skipped = f", {len(answers.skipped)} skipped" if answers.skipped else ""
        cycle.told = f"{len(new.ids)} answered{skipped}, {len(labels.ids)} labels in all"
        run.describe(cycle.told)
    cycle.labels = labels
    return False


def _check(answers: Answers, cycle: Cycle) -> None:
    for answer in answers.answered:
        try:
            cycle.session.data.check_label(answer.label)
        except LabelError as error:
            raise LabelError(f"{answer.annotator} on sample {answer.id!r}: {error}") from error
