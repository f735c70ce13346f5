"""What takes a while to find out for a report: what the champion says, and what was asked about.

Each part stands alone: where one cannot be found out, the report goes without it and says why.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd

from al.compare import measured
from al.contracts import Label, Query
from al.errors import AlError
from al.kinds import Kind, Trait, kind_of
from al.pipeline.models import model_of
from al.pipeline.query_record import load_query
from al.pipeline.session import Session
from al.pipeline.steps import SELECT_DATA
from al.pipeline.workers import CampaignModel
from al.randomness import generator
from al.report import Answered, Facts, Judged, Mapped, Picked, wilson
from al.tracking import Run

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: Most samples that are judged, mapped from the pool and from the labelled, and shown of a query.
JUDGED, POOL, LABELLED, SHOWN = 5000, 800, 500, 8
#: Cycles whose queries are shown: the first and the last ones.
CYCLES = 8


def in_depth(session: Session, facts: Facts) -> Facts:
    """The facts, with all that there is to find out."""
    missing: list[str] = []

    def tried(what: str, find: Callable[[], T]) -> T | None:
        try:
            return find()
        except (AlError, KeyError, NotImplementedError) as error:
            _log.debug("%s", what, exc_info=True)
            missing.append(f"{what} ({' '.join(str(error).split())[:120]})")
            return None

    model = tried("the champion", lambda: _champion(session)) if facts.version else None
    judged = tried("its predictions", lambda: _judged(session, model)) if model else None
    picked = tried("the queries", lambda: _picked(session, facts)) or ()
    mapped = tried("the map", lambda: _mapped(session, model)) if model else None
    return replace(facts, judged=judged, picked=picked, mapped=mapped, missing=tuple(missing))


def _champion(session: Session) -> CampaignModel:
    assert session.state.champion_record is not None
    return model_of(session, session.state.champion_record.version)


def _judged(session: Session, model: CampaignModel) -> Judged | None:
    """The champion on test, or on a uniform draw of it."""
    every = session.data.ids("test")
    if not every:
        return None
    ids = _some(every, JUDGED, session, "report test")
    truth = session.data.truth(ids)
    guessed, sure = model.guesses(ids)
    kind = _kind(session)
    single = {Trait.PIXELS, Trait.COUNTS, Trait.NORMAL}
    probabilities = None
    if not single & kind.traits:
        probabilities = model.infer(ids, ["probabilities"])["probabilities"]
    counts = kind.compared(truth, guessed)
    interval = None
    if len(ids) == len(every):
        interval = _interval(session, model, ids, truth)
    return Judged(truth, guessed, sure, counts, probabilities, len(every), interval)


def _interval(
    session: Session, model: CampaignModel, ids: Sequence[str], truth: Sequence[Label]
) -> tuple[float, float] | None:
    """Of the campaign's metric on these samples; None where it has no value on them."""
    rng = generator(session.config.seed, session.state.cycle, "report interval")
    found = measured(model, ids, truth, np.ones(len(ids)), session.task.metric, rng)
    if math.isnan(found.value):
        return None
    if found.low == found.high:  # resamples that are all alike say nothing
        ends = session.share and found.low in (0.0, 1.0)
        return wilson(found.low, len(ids)) if ends else None
    return found.low, found.high


def _picked(session: Session, facts: Facts) -> list[Picked]:
    """The first samples of some cycles' queries, with what came back."""
    runs = {
        number: run
        for number, of_cycle in session.gathered.runs.items()
        for run in of_cycle
        if run.tags.get("al.step") == SELECT_DATA.name
    }
    numbers = sorted(runs)
    shown = numbers if len(numbers) <= CYCLES else [numbers[0], *numbers[-(CYCLES - 1) :]]
    rows = facts.state.labels.frame.set_index("id")
    return [_of_query(session, number, runs[number], rows) for number in shown]


def _of_query(session: Session, number: int, run: Run, rows: pd.DataFrame) -> Picked:
    query, kind = load_query(run), _kind(session)
    gone = frozenset(session.data.missing(query.ids))
    there = [place for place, id in enumerate(query.ids) if id not in gone][:SHOWN]
    found = [_answered(session, kind, query, place, rows) for place in there]
    return Picked(number, len(query.ids), found)


def _answered(
    session: Session, kind: Kind, query: Query, place: int, rows: pd.DataFrame
) -> Answered:
    id = query.ids[place]
    guess = query.predicted[place] if query.predicted else None
    belief = kind.believed(guess, query.confidence[place]) if query.predicted else ""
    row = rows.loc[id] if id in rows.index else None
    status = "waiting" if row is None else str(row["status"])
    label = json.loads(str(row["label"])) if row is not None and status == "answered" else None
    return Answered(
        id, session.data.preview(id), place + 1, query.scores[place], query.reasons[place],
        belief, guess, label, status,
    )  # fmt: skip


def _mapped(session: Session, model: CampaignModel) -> Mapped | None:
    """Pool, labelled set and last query by the champion's embeddings, on their first two
    principal components."""
    state, kind = session.state, _kind(session)
    own = session.present(state.labels.originals).frame
    last = own[own["cycle"] == state.cycle]
    before = own[(own["cycle"] != state.cycle) & (own["status"] == "answered")]
    pool = _some(session.pool, POOL, session, "report pool")
    labelled = _some(tuple(before["id"]), LABELLED, session, "report labelled")
    ids = [*pool, *labelled, *last["id"]]
    if len(ids) < 3:
        return None
    points, explained = _plane(model.infer(ids, ["embeddings"])["embeddings"])
    role = ["pool"] * len(pool) + ["labelled"] * len(labelled) + ["query"] * len(last)
    names: dict[str, str] = {}
    if Trait.CLASSES in kind.traits:
        rows = own[own["status"] == "answered"]
        names = {i: str(json.loads(t)) for i, t in zip(rows["id"], rows["label"], strict=True)}
    return Mapped(ids, points, role, [names.get(id, "") for id in ids], explained)


def _plane(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Rows [N, D] on their first two principal components (Pearson 1901), and the share of the
    variance that these show; each points where its largest entry is positive."""
    centred = np.asarray(rows, np.float64).reshape(len(rows), -1)
    centred = centred - centred.mean(axis=0)
    left, scale, right = np.linalg.svd(centred, full_matrices=False)
    two = min(2, len(scale))
    sign = np.sign(right[range(two), np.abs(right[:two]).argmax(axis=1)])
    points = np.zeros((len(rows), 2))
    points[:, :two] = left[:, :two] * scale[:two] * np.where(sign == 0, 1, sign)
    whole = float((scale**2).sum())
    return points, float((scale[:two] ** 2).sum() / whole) if whole else 1.0


def _some(ids: Sequence[str], most: int, session: Session, why: str) -> list[str]:
    """All of the samples, or a uniform draw of so many, in their order."""
    if len(ids) <= most:
        return list(ids)
    rng = generator(session.config.seed, session.state.cycle, why)
    return [ids[row] for row in np.sort(rng.choice(len(ids), size=most, replace=False))]


def _kind(session: Session) -> Kind:
    return kind_of(session.data.spec)
