"""Which samples a model may label by itself: a bound on its errors, and the draw that it takes.

A *region* is a set of samples that a model would label. A uniform draw out of it is answered by
people, and the rest of the region is labelled by the model where the bound on its errors is low
enough. The region and the size of the draw are fixed before anything of the draw is known; they
may follow from whatever else is known, which costs power at most, never the guarantee.

The guarantee is that of the test alone: whatever the model, its calibration and the region are
like, the chance that a region is labelled of whose labelled samples more than `error` are wrong
is at most the level of the test. Each test of a campaign has a fresh draw and a level of its own,
which add up to 1 - confidence (`level`), so the chance holds for all of its tests together,
however many, at whatever thresholds and for whatever models there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

#: Predicted chance of passing below which nobody is asked.
LIKELY = 0.5
#: Regions that are looked at.
_REGIONS = 60


def level(look: int, confidence: float) -> float:
    """What the look of this number, the first is 1, may spend: (1 - confidence) / (k (k + 1)).

    These add up to 1 - confidence over all looks that there will ever be (alpha spending, after
    Lan and DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70, 1983).
    """
    return (1 - confidence) / (look * (look + 1))


def bound(wrong: int, asked: int, region: int, alpha: float) -> float:
    """Upper bound on the share of errors among the samples of a region that were not drawn.

    It is the larger of two. Clopper and Pearson's for the model's error rate p, "The use of
    confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26, 1934:
    the largest p with P(Bin(asked, p) ≤ wrong) ≥ alpha. And, as the drawn samples are not among
    those that are labelled, the largest share r / (region - asked) with
    P(Hypergeom(region, wrong + r, asked) ≤ wrong) > alpha, which is exact for this finite rest
    and is the larger one where the draw is a good part of the region.

    Args:
        wrong, asked: of the draw.
        region: samples in all, those drawn among them.
        alpha: level of the test.
    """
    from scipy.stats import beta, hypergeom

    left = region - asked
    if left <= 0 or wrong >= asked:
        return 1.0
    low, high = -1, left  # the largest r that is not ruled out lies above low, up to high
    while high - low > 1:
        middle = (low + high) // 2
        if hypergeom.cdf(wrong, region, wrong + middle, asked) > alpha:
            low = middle
        else:
            high = middle
    if hypergeom.cdf(wrong, region, wrong + high, asked) > alpha:
        low = high
    return max(float(beta.ppf(1 - alpha, wrong + 1, asked - wrong)), max(low, 0) / left)


@lru_cache(maxsize=4096)
def answers_needed(
    wrong: int, region: int, error: float, alpha: float, most: int | None = None
) -> int | None:
    """The fewest answers with which a draw that has so many errors passes; None for no number.

    Args:
        most: answers that are possible at most; all but one of the region by default.
    """
    from scipy.special import bdtr
    from scipy.stats import hypergeom

    most = region - 1 if most is None else min(most, region - 1)
    first = wrong + 1
    if most < first or bdtr(wrong, most, error) > alpha:
        return None
    low, high = first, most  # the binomial part, which falls with the number of answers
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if bdtr(wrong, middle, error) <= alpha else (middle + 1, high)
    start, width = low, 16
    while start <= most:
        sizes = np.arange(start, min(start + width, most + 1))
        too_many = wrong + np.floor(error * (region - sizes) + 1e-9).astype(int) + 1
        passes = hypergeom.cdf(wrong, region, np.minimum(too_many, region), sizes) <= alpha
        if passes.any():
            return int(sizes[passes.argmax()])
        start, width = start + width, 2 * width
    return None


@dataclass(frozen=True)
class Plan:
    """A region and the draw that is to test it.

    Attributes:
        threshold: least confidence of a sample in the region.
        size: of the region.
        answers: of the draw.
        wrong: errors in the draw with which the region still passes.
        expected: share of errors that is expected in the region.
        likely: chance to pass, if that is right.
    """

    threshold: float
    size: int
    answers: int
    wrong: int
    expected: float
    likely: float

    @property
    def worth(self) -> float:
        """Samples that people need not label, as expected, less those that they have to."""
        return self.likely * (self.size - self.answers) - self.answers


def plan(
    sure: np.ndarray,
    known_sure: np.ndarray,
    known_right: np.ndarray,
    *,
    error: float,
    alpha: float,
    most: int,
) -> Plan | None:
    """The region and the draw that are worth most; None where none is worth its answers.

    The errors of a region are expected to be as many as the model's confidence says, or as many
    as there are among samples whose label is known already, whichever is more.

    Args:
        sure: confidence of the samples that might be labelled, [N].
        known_sure, known_right: of samples whose label is known, disjoint from those
            drawn: the confidence and whether the model is right, [K].
        most: answers that may be asked for.
    """
    from scipy.special import bdtr

    best: Plan | None = None
    for threshold, size in _regions(sure):
        inside = known_sure >= threshold
        seen = float((~known_right[inside]).mean()) if inside.any() else 0.0
        expected = max(float(1 - sure[sure >= threshold].mean()), seen)
        if expected >= error:
            continue
        for wrong in range(most):
            answers = answers_needed(wrong, size, error, alpha, most)
            if answers is None:
                break
            likely = float(bdtr(wrong, answers, expected))
            found = Plan(threshold, size, answers, wrong, expected, likely)
            if likely >= LIKELY and found.worth > (best.worth if best else 0):
                best = found
    return best


def _regions(sure: np.ndarray) -> Iterator[tuple[float, int]]:
    """Thresholds, from high to low, and how many samples reach each."""
    falling = np.sort(sure)[::-1]
    places = np.linspace(0, len(falling) - 1, min(_REGIONS, len(falling))).astype(int)
    for threshold in dict.fromkeys(falling[places].tolist()):
        yield threshold, int((sure >= threshold).sum())
