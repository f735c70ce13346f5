"""Which labels look wrong, and how far people agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Probabilities that differ by less are the same.
_TIE = 1e-6


@dataclass(frozen=True)
class Suspects:
    """Labels that look wrong, the worst first.

    Attributes:
        rows: of the probabilities, [M].
        believed: positions of the classes that the model takes them for, [M].
        scores: how much more it believes that than the label, [M].
    """

    rows: np.ndarray
    believed: np.ndarray
    scores: np.ndarray


def suspects(probabilities: np.ndarray, given: np.ndarray) -> Suspects:
    """Confident learning: labels that a model which has not seen them is sure to be others.

    A class k is believed of a sample when p_k is at least t_k, the mean of p_k over the samples
    labelled k: what the model usually says of that class. Of several such classes the most
    probable counts. The label looks wrong when it is another: the off-diagonal of the confident
    joint of Northcutt, Jiang and Chuang (2021), Confident learning: estimating uncertainty in
    dataset labels. Ordered by p_believed − p_label.

    Args:
        probabilities: [N, C], each from a model that was not trained on that sample.
        given: labels as positions, [N].
    """
    rows, classes = np.arange(len(given)), probabilities.shape[1]
    own = probabilities[rows, given]
    count = np.bincount(given, minlength=classes)
    total = np.bincount(given, weights=own, minlength=classes)
    # A class that nobody has given is never believed.
    usual = np.divide(total, count, out=np.full(classes, np.inf), where=count > 0)
    sure = np.where(probabilities >= usual - _TIE, probabilities, -1.0)
    believed = sure.argmax(axis=1)
    wrong = np.flatnonzero((sure.max(axis=1) >= 0) & (believed != given))
    scores = probabilities[wrong, believed[wrong]] - own[wrong]
    order = np.argsort(-scores, kind="stable")
    return Suspects(wrong[order], believed[wrong][order], scores[order])


def agreement(votes: Iterable[tuple[str, Any, Any]]) -> Mapping[str, tuple[int, int]]:
    """How often each person says what counts in the end: person → (agreed, of how many).

    Args:
        votes: (person, their answer, the answer that counts) of samples that several answered.
    """
    found: dict[str, tuple[int, int]] = {}
    for who, vote, counts in votes:
        agreed, of = found.get(who, (0, 0))
        found[who] = (agreed + (vote == counts), of + 1)
    return found
