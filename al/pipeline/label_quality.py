"""After each cycle: which labels look wrong, and how far people agree.

Where people answer, labels are wrong now and then, and a model learns them by heart. So
`folds` models are trained across the labels, each on all but one part of them; what they
say of the part that they have not seen is held against the labels. With `validation=folds` there
are such models already, the copies of the newest one, and none is trained.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from al.agents import Examples
from al.cells import save_table
from al.compare import agreement, suspects
from al.contracts import Query
from al.data_selector import contact_sheet
from al.engine import Runner, WorkerOf, spread
from al.kinds import Kind, Trait, kind_of
from al.pipeline.making import Makings
from al.pipeline.session import Session
from al.pipeline.workers import CampaignModel
from al.randomness import generator
from al.report import wilson
from al.state import LabelTable
from al.tracking import Run

_log = logging.getLogger(__name__)

#: Suspects that pass to the next cycle.
MOST = 1000
#: Candidates of a cycle have numbers below; the draws of folds are named by those above.
_FIRST = 1000


def look_at_labels(
    session: Session,
    run: Run,
    number: int,
    labels: LabelTable,
    epochs: int | None = None,
    judge: CampaignModel | None = None,
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """List what looks wrong with the run of a cycle, whose number is given.

    Nothing is listed where the models cannot judge: where the lower bound of how often they are
    right of labels that they have not seen (Wilson, 95 %) is below one half, most of a list would
    be their own errors.

    Args:
        epochs: the winner's best epoch, where there was a training. A model that is trained for
            this takes as many steps, so that all take `folds` times those at most.
        judge: a model that brings copies of itself, which say what others would be trained for.

    Returns:
        Metrics, and the suspects that can be asked about once more, the worst first.
    """
    if session.annotator.is_simulated or not session.config.folds:
        return {}, []
    labels = session.present(labels.originals)  # a copy in another part would give it away
    kind = kind_of(session.data.spec)
    given = _positions(labels, kind)
    probabilities, begun = None, time.monotonic()
    if Trait.CLASSES in kind.traits and _enough(given, session.config.folds):
        if judge is not None:
            probabilities = by_copies(judge, labels.ids)
        else:
            probabilities = crossed(session, number, labels, given, epochs)
    figures, people = _people(labels, kind, probabilities)
    if len(people):
        run.save(lambda folder: save_table(people, folder / "annotators.csv"))
    if probabilities is None:
        return figures, []
    figures["quality/seconds"] = time.monotonic() - begun
    right = float((probabilities.argmax(axis=1) == given).mean())
    figures["quality/believed"] = float(judges(right, len(given)))
    if not judges(right, len(given)):
        _log.info(
            f"cycle {number:2d}: no label is accused: models that have not seen them are right of "
            f"{right:.0%} of {len(given)} labels, too few to tell wrong ones"
        )
        return figures, []
    table = _suspicious(labels, kind, probabilities, given)
    figures["quality/suspicious"] = len(table)
    run.save(lambda folder: save_table(table, folder / "suspicious.csv"))
    if len(table) and (sheet := contact_sheet(_as_query(table), session.data)) is not None:
        run.save(lambda folder: sheet.save(folder / "suspicious.png"))
    first = table[table["again"] == 0].head(MOST)
    names = ["id", "believed", "confidence", "score"]
    return figures, [dict(zip(names, row, strict=True)) for row in first[names].to_numpy().tolist()]


def judges(right: float, size: int) -> bool:
    """Whether models that are right of this share of so many labels can accuse any."""
    return wilson(right, size)[0] >= 0.5


def by_copies(model: CampaignModel, ids: Sequence[str]) -> np.ndarray:
    """Probabilities of labelled samples, [L, C]: of each by the copy that has not seen it, and by
    the model itself where it was answered after the model was trained."""
    assert model.crossed is not None
    part = model.crossed.part
    known = np.array([id in part for id in ids])
    found = np.empty((len(ids), len(model.data.spec.classes)))
    if known.any():
        old = [id for id in ids if id in part]
        found[known] = model.crossed.probabilities(model.data, old)
    if not known.all():
        new = [id for id in ids if id not in part]
        found[~known] = model.infer(new, ["probabilities"])["probabilities"]
    return found


def crossed(
    session: Session,
    number: int,
    labels: LabelTable,
    given: np.ndarray,
    epochs: int | None = None,
) -> np.ndarray:
    """Probabilities of the labelled samples, each from a model that has not seen it; [L, C]."""
    folds, most = session.config.folds, session.config.epochs
    if epochs is not None:  # as many steps as the winner took, on fewer samples
        most = min(most, math.ceil(epochs * folds / (folds - 1)))
    rng = generator(session.config.seed, number, "folds")
    order = np.lexsort((rng.permutation(len(given)), given))  # each class in every part
    part = np.empty(len(given), np.int64)
    part[order] = np.arange(len(given)) % folds
    names, known = labels.ids, labels.labels
    work = []
    for fold in range(folds):
        inside, outside = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        train = Examples(tuple(names[r] for r in inside), tuple(known[r] for r in inside))
        work.append(Fold(number, fold, train, tuple(names[r] for r in outside), most))
    found = np.empty((len(given), len(session.data.spec.classes)))
    made_by = WorkerOf(session.recipe, _held_out)
    for done, probabilities in spread(session.engine, made_by, work):
        found[part == done.fold] = probabilities
    return found


class Fold(NamedTuple):
    """A model that is trained on some of the labels and asked about the others.

    Attributes:
        number: of the cycle.
        epochs: most of the training.
    """

    number: int
    fold: int
    train: Examples
    ids: tuple[str, ...]
    epochs: int


def _held_out(makings: Makings, fold: Fold) -> np.ndarray:
    """Probabilities of a fold's samples from a model trained like a candidate, [m, C]."""
    makings = replace(makings, config=makings.config.replace(epochs=fold.epochs))
    number = _FIRST + fold.fold
    agent = makings.agent(fold.train, None, cycle=fold.number, number=number, checkpoints=1)
    agent.fit()
    (best,) = agent.kept
    agent.graph.put_back(best.weights)
    return Runner(agent.graph, makings.data).infer(fold.ids, ["probabilities"])["probabilities"]


def _suspicious(
    labels: LabelTable, kind: Kind, probabilities: np.ndarray, given: np.ndarray
) -> pd.DataFrame:
    found = suspects(probabilities, given)
    rows = labels.frame[labels.frame["status"] == "answered"].iloc[found.rows]
    provenance = ("annotator", "answered_at", "cycle", "again")
    return pd.DataFrame(
        {
            "id": rows["id"].to_numpy(),
            "label": [kind.label(c) for c in given[found.rows]],
            "believed": [kind.label(c) for c in found.believed],
            "confidence": probabilities[found.rows, found.believed],
            "score": found.scores,
            **{name: rows[name].to_numpy() for name in provenance},
        }
    )


def _people(
    labels: LabelTable, kind: Kind, probabilities: np.ndarray | None
) -> tuple[dict[str, float], pd.DataFrame]:
    """How far each person agrees with what counts, and with models that were not trained on it."""
    rows = labels.frame[labels.frame["status"] == "answered"]
    votes = [
        (vote["annotator"], vote["label"], json.loads(label))
        for text, label in zip(rows["votes"], rows["label"], strict=True)
        if text and len(given := [v for v in json.loads(text) if "label" in v]) > 1
        for vote in given
    ]
    agreed = agreement(votes)
    figures: dict[str, float] = {}
    if votes:
        figures["quality/agreement"] = sum(a for a, _ in agreed.values()) / len(votes)
    right = None
    if probabilities is not None:
        right = probabilities.argmax(axis=1) == _positions(labels, kind)
        figures["quality/model_agreement"] = float(right.mean())
    found = []
    for who in sorted({*rows["annotator"], *agreed}):
        mine = (rows["annotator"] == who).to_numpy()
        same, shared = agreed.get(who, (0, 0))
        found.append(
            {
                "annotator": who,
                "answers": int(mine.sum()),
                "median_seconds": rows["seconds"][mine].median(),
                "shared": shared,
                "agreement": same / shared if shared else None,
                "model_agreement": right[mine].mean() if right is not None and mine.any() else None,
            }
        )
    return figures, pd.DataFrame(found)


def _positions(labels: LabelTable, kind: Kind) -> np.ndarray:
    """Labels as positions; empty where they are not classes."""
    known = labels.labels if Trait.CLASSES in kind.traits else ()
    return np.array([kind.position(label) for label in known], dtype=np.int64)


def _enough(given: np.ndarray, folds: int) -> bool:
    """Whether every part holds something, and there is something to mix up."""
    return len(given) >= 2 * folds and len(np.unique(given)) > 1 and folds > 1


def _as_query(table: pd.DataFrame) -> Query:
    """The suspects as a query, for a contact sheet: label → what is believed."""
    count = len(table)
    return Query(
        ids=tuple(table["id"]),
        scores=tuple(table["score"]),
        reasons=("",) * count,
        propensities=(None,) * count,
        strategy="",
        model="none",
        predicted=tuple(f"{a}→{b}" for a, b in zip(table["label"], table["believed"], strict=True)),
        confidence=tuple(table["confidence"]),
    )
