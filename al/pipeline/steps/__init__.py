"""The steps of a cycle in their order: what drives a cycle follows from this list alone.

A step is a row here and a module with its body; the bodies are named, not imported, so that
the list is at hand where torch and MLflow are not wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from al.errors import UnknownName, did_you_mean

if TYPE_CHECKING:
    from al.config import Config


@dataclass(frozen=True)
class Step:
    """A step of a cycle.

    Attributes:
        name: of the entry point, and of the step's runs.
        help: what it does, in a line.
        body: `package.module:function`, a function of the open cycle that does what is not
            done yet in `cycle.step(…)`, reads what is, and returns whether the cycle is over.
        each: the parameter that says how many runs the step has in a cycle; one where empty.
        waits: `package.module:function` of a step that people may keep waiting, a function of
            the session and the cycle's runs by step that says whether it can go on.
    """

    name: str
    help: str
    body: str
    each: str = ""
    waits: str = ""

    def runs(self, config: Config) -> int:
        """How many runs the step has in a cycle."""
        return getattr(config, self.each) if self.each else 1

    def load(self) -> Any:
        """The body."""
        return resolve_name(self.body)


SELECT_DATA = Step(
    "select-data",
    "Choose which samples to ask about, with the model in Production; opens the next cycle.",
    "al.pipeline.steps.select_data:select_data",
)
ANNOTATE = Step(
    "annotate",
    "Ask the annotator about the query and collect the answers.",
    "al.pipeline.steps.annotate:annotate",
    waits="al.pipeline.steps.annotate:heard_so_far",
)
COMPARE = Step(
    "compare",
    "Measure the model in Production on the new answers against the KPI; met, no training.",
    "al.pipeline.steps.compare:compare",
)
TRAIN = Step(
    "train",
    "Train this cycle's candidates on all labels so far.",
    "al.pipeline.steps.train:train",
    each="candidates",
)
SELECT_MODEL = Step(
    "select-model",
    "Elect the best checkpoint, register it, and promote it if it is good enough.",
    "al.pipeline.steps.select_model:select_model",
)
#: The order.
STEPS = (SELECT_DATA, ANNOTATE, COMPARE, TRAIN, SELECT_MODEL)


def step_named(name: str, steps: Sequence[Step] = STEPS) -> Step:
    """The step of that name.

    Raises:
        UnknownName: there is no such step; the message suggests the nearest.
    """
    for step in steps:
        if step.name == name:
            return step
    raise UnknownName(f"unknown step {name!r}: {did_you_mean(name, [s.name for s in steps])}")
