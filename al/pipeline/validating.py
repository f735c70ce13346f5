"""What models are judged by: samples that are put aside, or the labels that they learn.

With `validation=folds` each version brings copies of itself, and what it is said to be good for
is what these say of labels that they have not seen (`al.graphs.crossed`). Two versions are then
held against each other on the labels that both have copies for, as one's later labels, which a
strategy chose because they are hard, would count against it alone.
"""

from __future__ import annotations

import math

import numpy as np

from al.agents import Examples
from al.contracts import Calibration, Label
from al.pipeline.session import Session
from al.pipeline.workers import CampaignModel
from al.state import LabelTable


def judges(session: Session, labels: LabelTable) -> Examples:
    """The labels that models are judged by.

    Args:
        labels: the labelled set.
    """
    if not session.config.by_folds:
        val = session.data.ids("val")
        return Examples(val, tuple(session.data.truth(val)))
    there = session.present(labels)
    return Examples(there.ids, there.labels)


def judges_of(session: Session, labels: LabelTable, *models: CampaignModel) -> Examples:
    """Those of them that none of these models, or copies of it, has learned from."""
    known = judges(session, labels)
    if not session.config.by_folds:
        return known
    parts = [model.crossed.part if model.crossed else {} for model in models]
    pairs = zip(known.ids, known.labels, strict=True)
    shared = [(id, label) for id, label in pairs if all(id in part for part in parts)]
    return Examples(tuple(id for id, _ in shared), tuple(label for _, label in shared))


def validated(model: CampaignModel, on: Examples) -> dict[str, float]:
    """The metrics on labels of `judges_of`; none is a number where there is no label."""
    if not on.ids:
        return dict.fromkeys(model.graph.metrics, math.nan)
    if model.crossed is None:
        return model.evaluate(on.ids, on.labels)
    return model.crossed.evaluate(model.data, on.ids, on.labels)


def calibrated(model: CampaignModel, on: Examples) -> Calibration | None:
    """How well the probabilities fit such labels; None where they cannot be held against any."""
    if not on.ids or not model.graph.calibrates:
        return None
    if model.crossed is None:
        return model.calibrate(on.ids)
    return model.crossed.calibrate(model.data, on.ids, on.labels)


def guessed(model: CampaignModel, on: Examples) -> tuple[list[Label], np.ndarray]:
    """The best guess of each such label, and how sure it is; see `Runner.guesses`."""
    if model.crossed is None:
        return model.guesses(on.ids)
    return model.crossed.guesses(model.data, on.ids)
