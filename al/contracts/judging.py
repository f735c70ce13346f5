"""What is decided: whether to retrain, which checkpoint is best, and what training leaves."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Verdict:
    """Whether to retrain, and why.

    Attributes:
        value: the metric on the newly annotated samples; None where nothing was measured.
        interval: its 95 % confidence interval, where there is one.
        samples: how many it was measured on.
        rule: "interval" or "plain".
        estimator: "audit", "weighted" or "plain": which samples count, and how.
        plain: the metric on all samples of the cycle, as chosen.
        drift: how well uniformly drawn new samples can be told from the validation split,
            which was drawn uniformly when the campaign began (AUC; 0.5 = not at all).
        drift_p: probability of such a difference by chance.
        drift_from_training: the same for all new samples against the labelled set; both were
            chosen, so it says how far selection has moved, not whether the world has.
    """

    retrain: bool
    why: str
    metric: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    samples: int = 0
    rule: str = "plain"
    estimator: str = "plain"
    plain: float | None = None
    kpi: float | None = None
    drift: float | None = None
    drift_p: float | None = None
    drift_from_training: float | None = None


class Criterion(ABC):
    """What makes one checkpoint better than another."""

    #: The metric it reads, like "val/accuracy"; checked before anything starts.
    metric: str

    @abstractmethod
    def __call__(self, metrics: Mapping[str, float]) -> float:
        """Higher is better."""

    def rank(self, metrics: Mapping[str, float]) -> list[float]:
        """What checkpoints are ordered by: the criterion, then the lower validation loss.

        What is not a number is the worst there is: it compares with nothing, so an order that
        met one would depend on who stood first.
        """
        figures = [self(metrics), -metrics.get("val/loss", 0.0)]
        return [-math.inf if math.isnan(figure) else figure for figure in figures]

    def sound(self, metrics: Mapping[str, float]) -> bool:
        """Whether what decides is a number, so that the model can be one to work with."""
        return not any(map(math.isnan, (self(metrics), metrics.get("val/loss", 0.0))))


@dataclass(frozen=True)
class Candidate:
    """A checkpoint standing for election.

    Attributes:
        checkpoint: where its weights are; opaque to the Model Selector.
    """

    checkpoint: str
    number: int  # of the training run that made it
    epoch: int
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Election:
    """Who won, against whom, and why.

    Attributes:
        offered: it is good enough, and waits for a person's approval.
        held: the winner's metrics on the labels on which it was held against the champion, where
            they are not those that candidates are judged by.
    """

    winner: Candidate
    promoted: bool
    why: str
    champion_metrics: Mapping[str, float] | None = None
    offered: bool = False
    held: Mapping[str, float] | None = None


class Recorder(Protocol):
    """Where an Agent leaves what must outlive it."""

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Figures of one epoch; may be kept back until the next checkpoint."""
        ...

    def checkpoint(
        self, epoch: int, best_epoch: int, metrics: Mapping[str, float], weights: Path, resume: Path
    ) -> None:
        """Keep a folder of weights with its metrics, and the file to resume from."""
        ...

    def resume_file(self) -> Path | None:
        """The resume file of the last checkpoint that is whole; None if there is none."""
        ...
