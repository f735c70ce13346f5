"""Answers beside the truth: what metrics are made of, wherever each batch was run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from torchmetrics import Metric


class Compared(NamedTuple):
    """Answers [n, …] beside targets [n, …] of a few samples, and their mean loss."""

    answers: np.ndarray
    targets: np.ndarray
    loss: float


#: What measures arrays of answers and targets.
OfArrays = Callable[[np.ndarray, np.ndarray], float]


def metrics_of(
    parts: Iterable[Compared],
    meters: Mapping[str, Metric],
    device: torch.device,
    of_arrays: Mapping[str, OfArrays],
) -> dict[str, float]:
    """What new meters say of all parts, in their order, and the mean loss.

    Args:
        of_arrays: measure all answers and targets at once; where one has no value (samples of one
            class cannot be ranked) it counts as 0, unless an answer is not a number.
    """
    meters = {name: meter.to(device) for name, meter in meters.items()}
    total, count = 0.0, 0
    kept: list[Compared] = []
    for part in parts:
        total += part.loss * len(part.targets)
        count += len(part.targets)
        kept += [part] if of_arrays else []
        pair = [torch.from_numpy(array).to(device) for array in part[:2] if meters]
        for meter in meters.values():
            meter.update(*pair)
    values = {name: float(meter.compute()) for name, meter in meters.items()}
    if kept:
        answers, targets = together(kept)
        sound = bool(np.isfinite(answers).all())
        for name, measure in of_arrays.items():
            value = measure(answers, targets)
            values[name] = 0.0 if sound and math.isnan(value) else value
    values["loss"] = total / max(count, 1)
    return {name: round(value, 6) for name, value in values.items()}  # float32 has no more


def together(parts: Iterable[Compared]) -> tuple[np.ndarray, np.ndarray]:
    """Answers [N, …] and targets [N, …] of all parts; lists of one length, see `_of_one_length`."""
    answers, targets, _ = zip(*parts, strict=True)
    return np.concatenate(_of_one_length(answers)), np.concatenate(_of_one_length(targets))


def on_rows(
    parts: Iterable[Compared], new_meter: Callable[[], Metric]
) -> Callable[[np.ndarray], float]:
    """What a new meter says of any of the samples, by row."""
    answers, targets = (torch.from_numpy(array) for array in together(parts))

    def measure(rows: np.ndarray) -> float:
        meter, some = new_meter(), torch.from_numpy(rows)
        meter.update(answers[some], targets[some])
        return float(meter.compute())

    return measure


def _of_one_length(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Parts [n, K, …] with the K of the longest: lists of things, of boxes say, are as long as
    the longest of their batch, and are filled up with −1, which is nothing."""
    width = max((part.shape[1] for part in parts if part.ndim > 1), default=0)
    return [
        part
        if part.ndim < 2 or part.shape[1] == width
        else np.pad(part, _behind(part.ndim, width - part.shape[1]), constant_values=-1)
        for part in parts
    ]


def _behind(dimensions: int, more: int) -> list[tuple[int, int]]:
    """What is to be padded of an array so that its second dimension gets longer."""
    return [(0, more if place == 1 else 0) for place in range(dimensions)]
