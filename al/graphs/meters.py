"""A metric that torchmetrics has with other libraries only."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torchmetrics import Metric

from al.kinds.boxes import matched, overlaps


class MeanAveragePrecision(Metric):  # type: ignore[misc]
    """mAP@.5: the mean over classes of the area under precision by recall.

    A box is right when it overlaps one of its class that no box of higher score has taken by
    an IoU of 0.5 or more. Precision at a recall is the highest at that recall or beyond, and
    the area is exact, as in PASCAL VOC since 2010 (Everingham et al. 2015). Classes without a
    box in the truth do not count. torchmetrics' own needs torchvision or pycocotools.

    Answers are [N, K, 6] (class, score, x, y, width, height), targets [N, M, 5] (class, x, y,
    width, height); rows of class −1 are not boxes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.add_state("answers", [], dist_reduce_fx=None)
        self.add_state("targets", [], dist_reduce_fx=None)

    def update(self, answers: torch.Tensor, targets: torch.Tensor) -> None:
        self.answers += list(answers.detach().cpu())
        self.targets += list(targets.detach().cpu())

    def compute(self) -> torch.Tensor:
        pairs = [(a.numpy(), t.numpy()) for a, t in zip(self.answers, self.targets, strict=True)]
        found = [average_precision(pairs, number) for number in range(self.classes)]
        known = [value for value in found if value is not None]
        return torch.tensor(float(np.mean(known)) if known else 0.0)


def average_precision(pairs: list[tuple[Any, Any]], number: int) -> float | None:
    """The area of one class; None where the truth has no box of it."""
    scores, right, total = [np.empty(0)], [np.empty(0, bool)], 0
    for answers, targets in pairs:
        own = answers[answers[:, 0] == number]
        own = own[np.argsort(-own[:, 1], kind="stable")]
        true = targets[targets[:, 0] == number, 1:]
        total += len(true)
        scores.append(own[:, 1])
        right.append(matched(overlaps(own[:, 2:], true)))
    if not total:
        return None
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hits = np.cumsum(np.concatenate(right)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(np.r_[0, hits / total]) * highest).sum())
