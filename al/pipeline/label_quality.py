"""After each cycle: which labels look wrong, and how far people agree.

Where people answer, labels are wrong now and then, and a model learns them by heart. So
`folds` models are trained across the labels, each on all but one part of them; what they
say of the part that they have not seen is held against the labels.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from al.agents import Examples, Schedule, SupervisedAgent
from al.compare import agreement, suspects
from al.contracts import Query
from al.data_selector import contact_sheet
from al.kinds import Kind, Trait, kind_of
from al.pipeline.session import Session
from al.randomness import generator, seeded, torch_seed
from al.state import LabelTable
from al.tracking import Run

#: Suspects that pass to the next cycle.
MOST = 1000
#: Candidates of a cycle have numbers below; the draws of folds are named by those above.
_FIRST = 1000


def look_at_labels(
    session: Session, run: Run, number: int, labels: LabelTable
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """List what looks wrong with the run of a cycle, whose number is given.

    Returns:
        Metrics, and the suspects that can be asked about once more, the worst first.
    """
    if session.annotator.tells_truth or not session.config.folds:
        return {}, []
    labels = session.present(labels)
    kind = kind_of(session.data.spec)
    given = _positions(labels, kind)
    probabilities = None
    if Trait.CLASSES in kind.traits and _enough(given, session.config.folds):
        probabilities = crossed(session, number, labels, given)
    figures, people = _people(labels, kind, probabilities)
    if len(people):
        run.save(lambda folder: people.to_csv(folder / "annotators.csv", index=False))
    if probabilities is None:
        return figures, []
    table = _suspicious(labels, kind, probabilities, given)
    figures["quality/suspicious"] = len(table)
    run.save(lambda folder: table.to_csv(folder / "suspicious.csv", index=False))
    if len(table) and (sheet := contact_sheet(_as_query(table), session.data)) is not None:
        run.save(lambda folder: sheet.save(folder / "suspicious.png"))
    first = table[table["again"] == 0].head(MOST)
    names = ["id", "believed", "confidence", "score"]
    return figures, [dict(zip(names, row, strict=True)) for row in first[names].to_numpy().tolist()]


def crossed(session: Session, number: int, labels: LabelTable, given: np.ndarray) -> np.ndarray:
    """Probabilities of the labelled samples, each from a model that has not seen it; [L, C]."""
    folds = session.config.folds
    rng = generator(session.config.seed, number, "folds")
    order = np.lexsort((rng.permutation(len(given)), given))  # each class in every part
    part = np.empty(len(given), np.int64)
    part[order] = np.arange(len(given)) % folds
    found, names = np.empty((len(given), len(session.data.spec.classes))), labels.ids
    for fold in range(folds):
        inside, outside = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        ids = [names[row] for row in outside]
        graph = _trained(session, number, labels, inside, fold)
        batches = session.data.batches(ids, batch_size=512)
        parts = [
            graph.infer(b, ["probabilities"], samples=1, seed=0)["probabilities"] for b in batches
        ]
        found[outside] = np.concatenate(parts)
    return found


def _trained(session: Session, number: int, labels: LabelTable, rows: np.ndarray, fold: int) -> Any:
    """A model trained like a candidate, on some of the labels."""
    config = session.config
    with seeded(torch_seed(config.seed, number, "init", _FIRST + fold), session.device.type):
        graph = session.new_graph()
        graph.prepare_training(lr=config.lr, epochs=config.epochs)
    val = session.data.ids("val")
    names, known = labels.ids, labels.labels
    with TemporaryDirectory() as scratch:
        best = _Best(Path(scratch) / "best")
        (session.task.agent or SupervisedAgent)(
            graph,
            session.data,
            train=Examples(tuple(names[r] for r in rows), tuple(known[r] for r in rows)),
            val=Examples(val, tuple(session.data.truth(val))),
            schedule=Schedule(
                epochs=config.epochs,
                patience=config.patience,
                checkpoints=1,
                batch_size=config.batch_size,
                draw=(config.seed, number, _FIRST + fold),
            ),
            criterion=session.criterion,
            recorder=best,
        ).fit()
        graph.load_weights(best.folder)
    return graph


class _Best:
    """A recorder that keeps the weights of the best epoch and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Nobody reads them."""

    def checkpoint(
        self, epoch: int, best_epoch: int, metrics: Mapping[str, float], weights: Path, resume: Path
    ) -> None:
        """The only one, as there is one a training."""
        shutil.copytree(weights, self.folder)

    def resume_file(self) -> None:
        """A fold that was cut off is trained again."""


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
    """How far each person agrees with what counts, and with models that saw none of it."""
    rows = labels.frame[labels.frame["status"] == "answered"]
    votes = [
        (vote["annotator"], vote["label"], json.loads(label))
        for text, label in zip(rows["votes"], rows["label"], strict=True)
        if text and len(said := [v for v in json.loads(text) if "label" in v]) > 1
        for vote in said
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
    """Labels as positions; empty where they are no classes."""
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
