"""A look of `auto-label` on record: what was planned before anybody was asked, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from al.compare import Plan
from al.errors import ConfigError

LOOK, SCORED, DECISION = "look.json", "scored.parquet", "decision.json"


@dataclass(frozen=True)
class Promise:
    """What is promised of the samples that the model labels.

    Attributes:
        error: the largest share of them that may be wrong.
        confidence: that it is not exceeded, over all looks of the campaign together.
        per_class: it holds of those of each class, by the label that they get.

    Raises:
        ConfigError: a value is out of range.
    """

    error: float
    confidence: float
    per_class: bool

    @classmethod
    def of(cls, error: float | str, confidence: float | str, per_class: str) -> Promise:
        """From values as a command line has them."""
        if per_class not in ("on", "off"):
            raise ConfigError(f"per_class={per_class!r}: give on or off")
        numbers = []
        for name, value in {"error": error, "confidence": confidence}.items():
            try:
                numbers.append(float(value))
            except ValueError:
                raise ConfigError(f"{name}={value!r} is not a number: give a share") from None
        return cls(numbers[0], numbers[1], per_class == "on")

    def __post_init__(self) -> None:
        for name in ("error", "confidence"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ConfigError(f"{name}={value:g}: give a share between 0 and 1")

    def __str__(self) -> str:
        each = ", per_class=on" if self.per_class else ""
        return f"error={self.error:g}, confidence={self.confidence:g}{each}"


def whole(value: int | str, name: str) -> int:
    """A number of answers.

    Raises:
        ConfigError: it is none.
    """
    try:
        number = int(float(value))
        if number != float(value) or number < 1:
            raise ValueError
    except (ValueError, OverflowError):
        raise ConfigError(f"{name}={value!r}: give a whole number from 1") from None
    return number


@dataclass(frozen=True)
class Part:
    """A region of a look, and the draw that tests it.

    Attributes:
        name: the class whose samples these are; "" for those of all classes.
    """

    name: str
    plan: Plan


@dataclass(frozen=True)
class Look:
    """A look, less the samples that it is about.

    Attributes:
        number: 1 for the campaign's first.
        alpha: level of the test of each part.
        version, weights: of the model, and their digest.
    """

    number: int
    promise: Promise
    alpha: float
    version: int
    weights: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Tested:
    """What came of a part of a look.

    Attributes:
        name: the class; "" for all.
        region, asked, wrong: samples; those that nobody could label count as wrong.
        bound: on the share of errors among the samples that were not drawn.
        labelled: samples that the model labels; none where the bound is above what may be.
        needed: answers with which as many errors would have passed; None for no number.
    """

    name: str
    region: int
    asked: int
    wrong: int
    bound: float
    labelled: int
    needed: int | None


@dataclass(frozen=True)
class Decision:
    """What came of a look."""

    look: Look
    model: str
    tested: Sequence[Tested]

    @property
    def passed(self) -> list[int]:
        """The places of the parts that the model labels."""
        return [place for place, part in enumerate(self.tested) if part.labelled]
