"""What the pipeline says to its annotator, and when it has heard enough."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pandas as pd

from al.config import Config
from al.contracts import AUDITS, Answer, Answers, DataLoader, Query
from al.errors import AlError, ConfigError, DataError, LabelError, UnknownName, did_you_mean
from al.pipeline.notices import Event
from al.pipeline.session import Session
from al.pipeline.spans import span_or_off
from al.progress import bar
from al.state import GIVEN
from al.tracking import Run

_log = logging.getLogger(__name__)

#: Seconds between two looks while a command waits: at first, and at most.
PAUSES = (1.0, 30.0)


def options_of(config: Config, known: Mapping[str, str], of: str = "annotator") -> dict[str, str]:
    """Options by name; a comma parts two where a name and = come after it.

    Args:
        known: the names that there are.
        of: what the options belong to, annotator or engine.

    Raises:
        ConfigError: an option has no value, or is given twice.
        UnknownName: one is not among these names.
    """
    text, found = str(getattr(config, f"{of}_options")).strip(), dict[str, str]()
    if text in ("", "none"):
        return found
    for part in re.split(r",\s*(?=[\w-]+\s*=)", text):
        name, given, value = (word.strip() for word in part.partition("="))
        if not given or not name:
            raise ConfigError(f"{of}_options={text!r}: give name=value, name=value")
        if name not in known:
            fix = did_you_mean(name, known) if known else "it has none; leave them out"
            raise UnknownName(f"{of} {getattr(config, of)!r} has no option {name!r}: {fix}")
        if name in found:
            raise ConfigError(f"{of}_options gives {name!r} twice: give it once")
        found[name] = value
    return found


@contextmanager
def reached(session: Session) -> Iterator[None]:
    """Tell in a line what keeps the annotator from its files or its server.

    Raises:
        DataError: says what.
    """
    try:
        yield
    except OSError as error:
        what = error.strerror or " ".join(str(error).split())[:200]
        where = f" with {error.filename}" if error.filename else ""
        raise DataError(
            f"annotator {session.config.annotator!r} cannot work{where} ({what}): mend that, or "
            "give it another place by annotator_options"
        ) from error


def joined(query: Query, session: Session) -> Query:
    """The query, and what earlier cycles asked about and still wait for."""
    rows = session.state.waiting
    rows = rows[~rows["id"].isin(session.data.missing(list(rows["id"])))]
    if not len(rows):
        return query
    return replace(
        query,
        ids=(*query.ids, *rows["id"]),
        scores=(*query.scores, *rows["score"]),
        reasons=(*query.reasons, *rows["strategy"]),
        propensities=(
            *query.propensities,
            *(None if pd.isna(p) else p for p in rows["propensity"]),
        ),
        predicted=(),
        confidence=(),
        likely=(),
    )


def written_meanwhile(ids: Sequence[str], session: Session) -> tuple[Answer, ...]:
    """Labels that were written into the user's own data since the cycle began, of samples that
    are asked about; they count as answers, given now."""
    if session.annotator.is_simulated:
        return ()
    saw, now = session.seen_data.latest, datetime.now(UTC).isoformat(timespec="seconds")
    if saw is None:
        return ()
    found = zip(ids, session.data.written(ids), strict=True)
    return tuple(
        Answer(id, label, GIVEN, now)
        for id, label in found
        if label is not None and (id not in saw or saw[id].label != label)
    )


def collected(query: Query, session: Session) -> Answers:
    """What is answered of a query by now, by the annotator or in the data itself."""
    with reached(session):
        answers = session.annotator.collect(query)
    back = {answer.id for answer in answers.answered}
    written = [a for a in written_meanwhile(query.ids, session) if a.id not in back]
    ids = {answer.id for answer in written}
    return replace(
        answers,
        answered=(*answers.answered, *written),
        skipped=tuple(id for id in answers.skipped if id not in ids),
        waiting=tuple(id for id in answers.waiting if id not in ids),
    )


@dataclass(frozen=True)
class Outlook:
    """Whether a cycle goes on with what is answered by now.

    Attributes:
        there: how many of the query are answered or skipped.
    """

    go: bool
    there: int
    text: str


def outlook(
    query: Query, answers: Answers, session: Session, started: float, *, whole: bool = False
) -> Outlook:
    """Whether enough of the query is answered; answers to earlier ones do not count.

    The quorum has to be reached by the audit slice as well as by the whole, since the KPI is
    judged on that, and by what is learned from. Without any answer no cycle goes on: nobody may
    be there; nor does one whose models nothing could judge.

    Args:
        started: when the query was first asked about, in seconds since 1970.
        whole: nothing less than all of it is enough.
    """
    config = session.config
    held_out = session.splits.asked.intersection(query.ids)
    labelled = {answer.id for answer in answers.answered}.intersection(query.ids)
    back = labelled.union(answers.skipped).intersection(query.ids)
    where = f", at {session.annotator.where}" if session.annotator.where else ""
    judged = _judged(session, labelled)
    if len(back) == len(query.ids) and judged:
        return Outlook(True, len(back), f"all of its {len(back)} are answered")
    text = f"{len(back)} of {len(query.ids)} answered"
    if labelled and not judged:
        text += ", none of the samples that are to judge models"
    if whole:
        return Outlook(False, len(back), f"{text}{where}")
    audit = {id for id, why in zip(query.ids, query.reasons, strict=True) if why in AUDITS}
    parts = (set(query.ids), audit, set(query.ids) - held_out)
    shares = [len(back & part) / len(part) for part in parts if part]
    labelled = labelled - held_out if judged else set()
    if labelled and min(shares) >= config.quorum - 1e-9:
        return Outlook(True, len(back), f"{text}, enough for quorum={config.quorum:g}")
    within = span_or_off(config.answers_within, "answers_within")
    if labelled and within is not None and time.time() - started >= within:
        return Outlook(True, len(back), f"{text} after answers_within={config.answers_within}")
    return Outlook(False, len(back), f"{text}{where}")


def _judged(session: Session, labelled: Collection[str]) -> bool:
    """Whether some samples of each split that people are asked about have an answer."""
    splits, known = session.splits, {*session.state.held_out.ids, *labelled}
    return not splits.asked or all(known.intersection(p) for p in (splits.val, splits.test) if p)


def hear(
    query: Query, session: Session, run: Run, *, whole: bool = False
) -> tuple[Answers, Outlook]:
    """Ask, and collect until the cycle can go on or `wait` is over; the last of what was heard.

    The campaign is held meanwhile: who waits like this drives it.

    Args:
        run: of who asks; its start is when the query was first asked about.
        whole: all of the query is waited for, and nothing that was asked about elsewhere heard.
    """
    annotator = session.annotator
    everything = query if whole else joined(query, session)

    def look() -> tuple[Answers, Outlook]:
        if whole:
            with reached(session):
                answers = annotator.collect(everything)
        else:
            answers = collected(everything, session)
        return answers, outlook(query, answers, session, run.started, whole=whole)

    with reached(session):
        annotator.request(query)
    answers, found = look()
    if not found.go:
        number = session.state.cycle + 1
        text = f"{'auto-label' if whole else f'cycle {number}'} waits for answers: {found.text}"
        facts = {"cycle": number, "asked": len(query.ids), "answered": found.there}
        session.notices.tell(run, Event("waiting", f"cycle {number}", text, facts))
    wait = span_or_off(session.config.wait, "wait")
    if found.go or wait is None:
        return answers, found
    end, pause = time.monotonic() + wait, PAUSES[0]
    with (
        annotator.attending(),
        bar(desc="answers", total=len(query.ids), initial=found.there) as shown,
    ):
        at = f", at {annotator.where}" if annotator.where else ""
        _log.info(
            f"waiting for answers{at}, {session.config.wait} at most; Ctrl-C stops, nothing is lost"
        )
        trouble: AlError | None = None
        while not found.go and (left := end - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            before = found.there
            try:
                answers, found = look()
                trouble = None
            except AlError as error:  # a person can mend it meanwhile
                if str(error) != str(trouble):
                    _log.warning(f"error: {' '.join(str(error).split())}")
                trouble = error
            shown.update(found.there - before)
            pause = PAUSES[0] if found.there != before else min(pause * 1.5, PAUSES[1])
        if trouble is not None:
            raise trouble
    return answers, found


def check_answers(answers: Iterable[Answer], data: DataLoader) -> None:
    """Refuse an answer that is not a label of the task.

    Raises:
        LabelError: says whose it is, and of which sample.
    """
    for answer in answers:
        try:
            data.check_label(answer.label)
        except LabelError as error:
            raise LabelError(f"{answer.annotator} on sample {answer.id!r}: {error}") from error
