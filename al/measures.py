"""How unsure a prediction is, whatever kind it is of.

A prediction holds one distribution (a class, a number) or many (a pixel's, a box's, a
label's). A *measure* makes a number of a distribution: from one prediction of the model, or
from what several stochastic passes or several models predict, without holding them all. A
*reduction* then makes one number a sample of the many. Both run where the model runs, on a
few samples at a time, so that n × C × H × W × T numbers never exist.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from al import kernels
from al.errors import ConfigError

#: How many distributions can become one number; see `reduced`.
REDUCTIONS = ("patch", "top", "foreground", "mean", "sum", "max")
#: What keeps the classes apart, for strategies that share a query among them.
CLASSWISE = "classes"
#: Per cent of the pixels in "top", and the part of an image's shorter side in "patch".
TOP, PATCH = 5, 8
_TOP = re.compile(r"top([1-9]\d?)?")


# --------------------------------------------------------------------------- measures


class Passes(ABC):
    """A measure over passes that come one after the other, each [K, C]."""

    count = 0

    def add(self, p: np.ndarray) -> None:
        """Take one pass in."""
        self.count += 1
        self._add(p)

    @abstractmethod
    def _add(self, p: np.ndarray) -> None: ...

    @abstractmethod
    def result(self) -> np.ndarray:
        """The measure, [K]."""


class _Once(Passes):
    """A measure of a single prediction."""

    def __init__(self, of: Callable[[np.ndarray], np.ndarray]) -> None:
        self.of = of

    def _add(self, p: np.ndarray) -> None:
        self.found = self.of(p)

    def result(self) -> np.ndarray:
        return self.found


class _Information(Passes):
    """H[mean p] − mean H[p]."""

    mean: np.ndarray
    entropies: np.ndarray

    def _add(self, p: np.ndarray) -> None:
        own = kernels.entropy(p)
        self.mean = p if self.count == 1 else self.mean + p
        self.entropies = own if self.count == 1 else self.entropies + own

    def result(self) -> np.ndarray:
        of_mean = kernels.entropy(self.mean / np.float32(self.count))
        return np.maximum(of_mean - self.entropies / np.float32(self.count), 0.0)


class _Deviation(Passes):
    """mean_c √(mean p² − (mean p)²), by Welford's recurrence, which does not cancel."""

    mean: np.ndarray
    squares: np.ndarray

    def _add(self, p: np.ndarray) -> None:
        if self.count == 1:
            self.mean, self.squares = p, np.zeros_like(p)
            return
        apart = p - self.mean
        self.mean = self.mean + apart / np.float32(self.count)
        self.squares += apart * (p - self.mean)

    def result(self) -> np.ndarray:
        return np.asarray(np.sqrt(self.squares / np.float32(self.count)).mean(axis=-1))


class _Votes(Passes):
    """A function of the shares of passes whose best guess is each class."""

    votes: np.ndarray

    def __init__(self, of: Callable[[np.ndarray], np.ndarray]) -> None:
        self.of = of

    def _add(self, p: np.ndarray) -> None:
        votes = np.zeros_like(p)
        np.put_along_axis(votes, p.argmax(axis=-1)[:, None], 1, axis=-1)
        self.votes = votes if self.count == 1 else self.votes + votes

    def result(self) -> np.ndarray:
        return self.of(self.votes / np.float32(self.count))


@dataclass(frozen=True)
class Measure:
    """One measure, in the forms that predictions have; `al.kinds` says which a kind has.

    Attributes:
        reads: what it is of: "probabilities", "samples" or "committee".
        classes: [N, C] or [N, T, C] → [N], where a sample has one distribution over classes.
        passes: the same where it has many, pass by pass.
        normals: [N, T, 2] → [N], of normal distributions by mean and variance; None where it
            has no meaning for them.
    """

    reads: str
    classes: Callable[[np.ndarray], np.ndarray]
    passes: Callable[[], Passes]
    normals: Callable[[np.ndarray], np.ndarray] | None = None


def _margin(p: np.ndarray) -> np.ndarray:
    if p.shape[1] < 2:
        return np.zeros(len(p), np.float32)  # one class: nothing to ask
    return 1.0 - kernels.two_largest_apart(p)


def _least_confidence(p: np.ndarray) -> np.ndarray:
    return 1.0 - kernels.largest(p)


def _information(samples: np.ndarray) -> np.ndarray:
    of_mean, mean_of = kernels.entropy_of_mean_and_mean_entropy(samples)
    return np.maximum(of_mean - mean_of, 0.0)  # never negative but for rounding


def _information_of_normals(samples: np.ndarray) -> np.ndarray:
    """½ ln(mean σ² + var μ) − mean ½ ln σ², the mixture taken as normal: [N, T, 2] → [N]."""
    mean, variance = samples[..., 0], samples[..., 1]
    total = variance.mean(axis=1) + mean.var(axis=1)
    return np.maximum(0.5 * np.log(total) - 0.5 * np.log(variance).mean(axis=1), 0.0)


def _deviation(samples: np.ndarray) -> np.ndarray:
    return np.asarray(samples.std(axis=1).mean(axis=1))  # [N, T, C] → [N, C] → [N]


def _deviation_of_normals(samples: np.ndarray) -> np.ndarray:
    return np.asarray(samples[..., 0].std(axis=1))


def _against(votes: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 - votes.max(axis=-1))


MEASURES: dict[str, Measure] = {
    "entropy": Measure("probabilities", kernels.entropy, lambda: _Once(kernels.entropy)),
    "margin": Measure("probabilities", _margin, lambda: _Once(_margin)),
    "least_confidence": Measure(
        "probabilities", _least_confidence, lambda: _Once(_least_confidence)
    ),
    "bald": Measure("samples", _information, _Information, _information_of_normals),
    "mean_std": Measure("samples", _deviation, _Deviation, _deviation_of_normals),
    "variation_ratio": Measure(
        "samples", lambda samples: _against(kernels.votes(samples)), lambda: _Votes(_against)
    ),
    "consensus_kl": Measure("committee", _information, _Information, _information_of_normals),
    "vote_entropy": Measure(
        "committee",
        lambda members: kernels.entropy(kernels.votes(members)),
        lambda: _Votes(kernels.entropy),
    ),
}


# -------------------------------------------------------------------------- reductions


@dataclass(frozen=True)
class Field:
    """The distributions of a few samples: K = pixels, boxes or labels.

    Attributes:
        p: [n, K, C].
        weights: [n, K]: of pixels the probability that each is not background; of boxes 1, and 0
            where a sample has fewer than K of them; None where all count alike.
        grid: [H, W] of pixels.
    """

    p: torch.Tensor
    weights: torch.Tensor | None = None
    grid: tuple[int, int] | None = None


def is_top(over: str) -> bool:
    """Whether it is the reduction `top`, or the like of `top10`."""
    return _TOP.fullmatch(over) is not None


def check_over(over: str) -> None:
    """Refuse an unknown reduction.

    Raises:
        ConfigError: says which there are.
    """
    if over != "auto" and over not in REDUCTIONS and not is_top(over):
        raise ConfigError(f"over={over!r}: choose one of auto, {', '.join(REDUCTIONS)}, top10 …")


def reduced(values: np.ndarray, field: Field, over: str) -> np.ndarray:
    """One number a sample: [n, K] → [n]; a number for each class, [n, C], where it is `CLASSWISE`.

    * mean, max, sum: over the labels, pixels or boxes there are; 0 where there is no box;
    * top: mean of the 5 % highest, top10 of the 10 % highest;
    * patch: the highest mean over a square whose side is an eighth of the shorter side;
    * foreground: Σ w u / Σ w, with w the probability that a pixel is not background;
    * classes: mean over the pixels of u p(c), for each class c.
    """
    if over == CLASSWISE:
        return np.asarray(np.einsum("nk,nkc->nc", values, field.p.cpu().numpy()) / values.shape[1])
    weights = None if field.weights is None else field.weights.cpu().numpy()
    if over == "patch":
        return _best_patch(values, field)
    if over == "foreground":
        assert weights is not None
        return np.asarray((weights * values).sum(1) / np.maximum(weights.sum(1), 1e-12))
    if found := _TOP.fullmatch(over):
        count = math.ceil(int(found[1] or TOP) / 100 * values.shape[1])
        return np.asarray(np.partition(values, -count, axis=1)[:, -count:].mean(axis=1))
    if field.grid is not None or weights is None:
        how: dict[str, Callable[..., np.ndarray]] = {"mean": np.mean, "max": np.max, "sum": np.sum}
        return np.asarray(how[over](values, axis=1))
    if over == "max":
        return np.asarray(np.where(weights > 0, values, 0.0).max(axis=1, initial=0.0))
    summed = (weights * values).sum(axis=1)
    return np.asarray(summed / np.maximum(weights.sum(1), 1) if over == "mean" else summed)


def _best_patch(values: np.ndarray, field: Field) -> np.ndarray:
    assert field.grid is not None
    side = max(1, min(field.grid) // PATCH)
    image = torch.from_numpy(np.ascontiguousarray(values)).reshape(-1, 1, *field.grid)
    means = torch.nn.functional.avg_pool2d(image, side, stride=1)
    return means.amax(dim=(1, 2, 3)).numpy()


def scores(fields: Iterable[Field], wants: Iterable[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Measures over passes, reduced; each pass is let go before the next is made.

    Args:
        fields: one for each pass, of the same samples.
        wants: (measure, over) of measures that read these passes.
    """
    wants = list(wants)
    running = {measure: MEASURES[measure].passes() for measure, _ in wants}
    classwise = any(over == CLASSWISE for _, over in wants)
    field, total, weights, count = None, None, None, 0
    for field in fields:
        p = np.ascontiguousarray(field.p.flatten(0, 1).cpu().numpy())  # [n·K, C]
        for passes in running.values():
            passes.add(p)
        if field.weights is not None:
            weights = field.weights if weights is None else weights + field.weights
        if classwise:
            total = field.p if total is None else total + field.p
        count += 1
    assert field is not None
    shape = field.p.shape[:2]
    mean = field.p if total is None else total / count
    field = Field(mean, None if weights is None else weights / count, field.grid)
    values = {measure: passes.result().reshape(shape) for measure, passes in running.items()}
    return {f"{measure}.{over}": reduced(values[measure], field, over) for measure, over in wants}
