"""What `auto-label` would label and whom it asks, planned before anybody is asked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from al.compare import answers_needed, level, plan
from al.data_selector import distinct
from al.errors import ConfigError
from al.kinds import kind_of
from al.pipeline.draws import ANSWERS, AUTO_LABEL
from al.pipeline.look_record import LOOK, SCORED, Look, Part, Promise
from al.pipeline.predicting import Guesses, in_production
from al.pipeline.query_record import load_query
from al.pipeline.session import Session
from al.pipeline.steps import SELECT_DATA
from al.randomness import generator
from al.state import LabelTable
from al.tracking import Run

_log = logging.getLogger(__name__)


class Planned(NamedTuple):
    """A look, and its samples: `id`, `label` by the model, `confidence`, `part` by its place
    in the look or -1, whether it is `drawn`, and of an exact copy which sample stands for it."""

    look: Look
    scored: pd.DataFrame


def planned(session: Session, promise: Promise, most: int, before: Sequence[Run]) -> Planned | None:
    """The campaign's next look; None, and a line that says so, where none is worth its answers.

    Args:
        most: answers that may be asked for, in each part.
        before: runs of the looks before it.

    Raises:
        ConfigError: a draw has to be larger, or nothing can be drawn.
        RegistryError: no version is in Production.
    """
    number = len(before) + 1
    model, version = in_production(session)
    ids = _rest(session)
    guesses = Guesses(session, model)
    guess, sure = guesses.guesses(ids)
    known = _known(guesses, session, version, model.digest, before)
    kind = kind_of(session.data.spec)
    names = np.array(list(kind.place), dtype=object)
    groups = {"": np.ones(len(ids), bool)}
    if promise.per_class:
        groups = {str(names[place]): guess == place for place in np.unique(guess)}
    alpha = level(number, promise.confidence) / max(1, len(groups))
    part = np.full(len(ids), -1)
    drawn = np.zeros(len(ids), bool)
    parts: list[Part] = []
    for name, mine in groups.items():
        of_class = np.ones(len(known), bool) if not name else (known["label"] == name).to_numpy()
        found = plan(
            sure[mine],
            known["confidence"].to_numpy()[of_class],
            known["right"].to_numpy()[of_class],
            error=promise.error,
            alpha=alpha,
            most=most,
        )
        if found is None:
            continue
        inside = np.flatnonzero(mine & (sure >= found.threshold))
        part[inside] = len(parts)
        rng = generator(session.config.seed, number, AUTO_LABEL, len(parts))
        drawn[rng.choice(inside, size=found.answers, replace=False)] = True
        parts.append(Part(name, found))
    if not parts:
        largest = max((int(mine.sum()) for mine in groups.values()), default=0)
        _refuse(number, largest, promise, alpha, most)
        _log.warning(
            f"look {number} is not worth its answers: no part of the {len(ids)} samples without a "
            f"label is expected to pass with error={promise.error:g}; let it learn from more "
            "labels, or allow more errors"
        )
        return None
    frame = pd.DataFrame(
        {"id": ids, "label": names[guess], "confidence": sure, "part": part, "drawn": drawn}
    )
    look = Look(number, promise, alpha, version, model.digest, parts)
    return Planned(look, pd.concat([frame.assign(copy_of=""), _copies(session, frame)]))


def _copies(session: Session, frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each exact copy of what may be labelled, after the one that stands for it."""
    stands = {session.contents[id]: id for id in frame["id"]} if session.asks_once else {}
    of = {id: stands.get(session.contents[id], id) for id in session.pool} if stands else {}
    copies = {id: first for id, first in of.items() if id != first}
    rows = frame.set_index("id").loc[list(copies.values())]
    return rows.reset_index(drop=True).assign(
        id=list(copies), drawn=False, copy_of=list(copies.values())
    )


def _refuse(number: int, largest: int, promise: Promise, alpha: float, most: int) -> None:
    """Refuse a draw that would be too small even if the model made no error at all.

    Raises:
        ConfigError: says how many answers it takes.
    """
    of = "the largest class has" if promise.per_class else "there are"
    needed = answers_needed(0, largest, promise.error, alpha)
    if needed is None:
        raise ConfigError(
            f"{of} {largest} samples without a label, too few to show {promise} by a draw out of "
            "them: get them labelled by people"
        )
    if needed > most:
        each = " of each class" if promise.per_class else ""
        raise ConfigError(
            f"draw={most} is too small for {promise}: look {number} takes at least {needed} "
            f"answers{each} without an error, {needed - most} more: pass draw={needed} or more"
        )


def _rest(session: Session) -> list[str]:
    """Samples that nobody was ever asked about; of exact copies one stands for all.

    Raises:
        ConfigError: there is none.
    """
    session.look_again()
    asked = set[str]()
    if session.open_run is not None:
        of_cycle = {"al.step": SELECT_DATA.name, "al.cycle_run": session.open_run.id}
        for run in session.store.find(of_cycle):
            if run.finished:
                asked.update(load_query(run).ids)
    ids = session.apart(session.pool, asked)
    if session.asks_once:
        ids = distinct(ids, session.contents)
    if not ids:
        raise ConfigError("every training sample has a label or is asked about: nothing is left")
    return list(ids)


def _known(
    guesses: Guesses, session: Session, version: int, weights: str, before: Sequence[Run]
) -> pd.DataFrame:
    """Samples that the model has not learned from and whose label is known: the `label` that it
    gives, its `confidence` and whether it is `right`.

    They are those of validation, and of earlier draws for the same version.
    """
    names = list(kind_of(session.data.spec).place)
    tables = [
        pd.DataFrame(
            {
                "label": [names[place] for place in guesses.val_guess],
                "confidence": guesses.val_sure,
                "right": guesses.val_right,
            }
        )
    ]
    for run in before:
        look = run.load_json(LOOK, Look)
        if (look.version, look.weights) == (version, weights):
            answers = LabelTable.load(run.path(ANSWERS))
            right = dict(zip(answers.ids, answers.labels, strict=True))
            frame = run.load_table(SCORED)
            frame = frame[frame["id"].isin(right)]
            hits = frame["label"] == frame["id"].map(right)
            tables.append(frame[["label", "confidence"]].assign(right=hits))
    return pd.concat(tables, ignore_index=True).astype({"right": bool})
