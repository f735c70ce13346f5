"""What a report tells of: facts without their presentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from al.config import Config
from al.contracts import Label
from al.kinds import Kind
from al.state import State

if TYPE_CHECKING:
    from al.contracts import Preview


@dataclass(frozen=True)
class Curve:
    """A metric of the champion by number of labels, ascending.

    Attributes:
        labels, values: [P].
    """

    strategy: str
    labels: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, strategy: str, labels: Sequence[float], values: Sequence[float]) -> Curve:
        """A curve of numbers from elsewhere."""
        return cls(strategy, np.asarray(labels, int), np.asarray(values, float))

    def __len__(self) -> int:
        return len(self.labels)

    def best(self, *, lower: bool) -> np.ndarray:
        """The best value up to each point, [P]."""
        turn = np.minimum if lower else np.maximum
        return np.asarray(turn.accumulate(self.values))

    def reaches(self, value: float, *, lower: bool) -> float | None:
        """Labels at which a value is reached first, between points on a straight line.

        None where it is not.
        """
        best = self.best(lower=lower)
        there = np.flatnonzero(best <= value if lower else best >= value)
        if not len(there):
            return None
        at = int(there[0])
        if at == 0 or best[at] == best[at - 1]:
            return float(self.labels[at])
        share = (value - best[at - 1]) / (best[at] - best[at - 1])
        return float(self.labels[at - 1] + share * (self.labels[at] - self.labels[at - 1]))


def ahead(mine: Curve, other: Curve, *, lower: bool) -> float | None:
    """How much better a curve is than another at the last number of labels that both have."""
    labels = both_at(mine, other)
    if labels is None:
        return None
    here, there = (float(c.values[c.labels == labels][-1]) for c in (mine, other))
    return there - here if lower else here - there


def both_at(mine: Curve, other: Curve) -> int | None:
    """The last number of labels that two curves both have; None if there is none."""
    shared = {*mine.labels.tolist()} & {*other.labels.tolist()}
    return max(shared) if shared else None


def where_ahead(mine: Curve, other: Curve) -> str:
    """At how many labels that is, where the first curve has gone on since."""
    labels = both_at(mine, other)
    return f" at {labels:,} labels" if labels is not None and labels < mine.labels[-1] else ""


@dataclass(frozen=True)
class Judged:
    """The champion on the test split.

    Attributes:
        truth, guessed: labels, [N].
        sure: how sure it is of each guess, [N]; for numbers the predicted deviation.
        counts: of each sample and class what is found rightly, found wrongly and missed,
            [N, C, 3]; see `Kind.compared`; None for kinds without classes.
        probabilities: [N, C], where each is that of one class; else None.
        total: samples of the split; more than N where it is so large that some are drawn.
        interval: of 95 % for the metric on the whole split; None where it was not found out.
    """

    truth: Sequence[Label]
    guessed: Sequence[Label]
    sure: np.ndarray
    counts: np.ndarray | None
    probabilities: np.ndarray | None
    total: int
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Answered:
    """A sample that was asked about.

    Attributes:
        believed: what the champion took it for, in a few letters; "" where there was none.
        label: what came back; None where nothing did.
        status: answered, skipped or waiting.
    """

    id: str
    preview: Preview
    rank: int
    score: float
    reason: str
    believed: str
    guess: Label | None
    label: Label | None
    status: str


@dataclass(frozen=True)
class Picked:
    """Some samples of a cycle's query, the first first, out of so many."""

    cycle: int
    total: int
    samples: Sequence[Answered]


@dataclass(frozen=True)
class Mapped:
    """Samples on a plane.

    Attributes:
        ids: [N]; points: [N, 2].
        role: of each: pool, labelled or query.
        name: of each: its class where it is labelled and labels are classes, else "".
        explained: share of the variance that the plane shows.
    """

    ids: Sequence[str]
    points: np.ndarray
    role: Sequence[str]
    name: Sequence[str]
    explained: float


@dataclass(frozen=True)
class Facts:
    """What is known of a campaign.

    Attributes:
        share: the metric goes from 0 to 1; lower: less of it is better.
        validation, test: number of samples of the splits.
        curve, baseline: on test; `validated` is the curve on validation.
        cycles: figures of closed cycles, by number; see `cycle/…` in MLflow.
        steps: their steps; cycle, step, candidate, seconds.
        verdicts: of compare, by cycle: value, low, high, drift, drift_p, …
        promotions: see `al.registry.Promotions.table`.
        version: in Production; None if there is none.
        stopped: why the campaign ended; "" where it goes on.
        now: seconds since 1970, of writing.
        changes: parameters that changed on the way, and after how many labels.
        people_since: the first cycle in which people answered, where the data's own labels did
            before; else 0.
        judged, picked, mapped: what takes a while to find out; None where it was not.
    """

    config: Config
    kind: Kind
    metric: str
    share: bool
    lower: bool
    state: State
    validation: int
    test: int
    pool: int
    curve: Curve
    baseline: Curve | None
    validated: Curve
    cycles: pd.DataFrame
    steps: pd.DataFrame
    verdicts: pd.DataFrame
    promotions: pd.DataFrame
    model: str
    version: int | None
    stopped: str
    started: float
    now: float
    changes: Sequence[tuple[int, str]] = ()
    people_since: int = 0
    judged: Judged | None = None
    picked: Sequence[Picked] = ()
    mapped: Mapped | None = None
    missing: Sequence[str] = field(default=())

    @cached_property
    def answers(self) -> pd.DataFrame:
        """The label table's own rows that have an answer, less copies."""
        own = self.state.labels.originals.frame
        return own[own["status"] == "answered"]

    @property
    def paid(self) -> int:
        """Labels that were paid for, less those for validation."""
        return self.state.labels.paid

    @property
    def cost(self) -> float:
        """What a label costs; 0 if no cost was given."""
        return self.config.label_cost

    def shown(self, value: float) -> str:
        """A value of the metric."""
        return f"{value:.3f}" if self.share else f"{value:.4g}"

    @property
    def metric_name(self) -> str:
        """The metric in words."""
        return NAMES.get(self.metric, self.metric.replace("_", " "))


#: How metrics are written where people read them.
NAMES = {
    "macro_f1": "macro F1", "micro_f1": "micro F1", "entity_f1": "entity F1", "f1": "F1",
    "auroc": "AUROC", "average_precision": "average precision", "mcc": "MCC", "nll": "NLL",
    "map50": "mAP@.5", "mean_iou": "mean IoU", "dice": "Dice", "rmse": "RMSE", "mae": "MAE",
    "r2": "R²",
}  # fmt: skip
