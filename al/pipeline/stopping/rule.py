"""What a stop rule is, and what it is asked about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from al.config import Config

if TYPE_CHECKING:
    from al.kinds import Trait
    from al.pipeline.cycle import Cycle
    from al.state import State

#: Metric of the cycle that was the last when labels of validation were changed.
MEASURED_AGAIN = "measured_again"


@dataclass(frozen=True)
class Standing:
    """Where a campaign stands between two cycles, as it is on record.

    Attributes:
        cycles: the metrics of each closed cycle, the latest last, by their names in MLflow
            without `cycle/`: "answers", "val_accuracy", whatever a rule has put there.
        pool: samples that can still be asked about.
        validation: labels that models are judged by: of the validation split, or all.
        started, now: seconds since 1970.
        metric: the task's; lower: less of it is better.
        traits: what the predictions of the kind of problem are like.
    """

    config: Config
    cycles: Sequence[Mapping[str, float]]
    pool: int
    validation: int
    started: float
    now: float
    metric: str
    lower: bool = False
    traits: frozenset[Trait] = frozenset()

    def latest(self, name: str) -> float | None:
        """A metric of the latest cycle; None if it has no such metric."""
        return self.cycles[-1].get(name) if self.cycles else None

    def every(self, name: str) -> list[float]:
        """A metric of all cycles that have it, in their order."""
        return [cycle[name] for cycle in self.cycles if name in cycle]

    def on_same_labels(self, name: str) -> list[float]:
        """A metric of validation in all cycles that have it, less those before its labels were
        changed in the data: only the champion was measured again then."""
        first = max(
            (n for n, cycle in enumerate(self.cycles) if MEASURED_AGAIN in cycle), default=0
        )
        return [cycle[name] for cycle in self.cycles[first:] if name in cycle]

    @property
    def labels(self) -> int:
        """Answers paid for so far, second opinions among them."""
        paid = self.latest("answers")
        return int((self.latest("labels") or 0) if paid is None else paid)


class StopRule(ABC):
    """A reason to end a campaign; made anew by every process, so it remembers nothing."""

    @abstractmethod
    def why(self, standing: Standing) -> str:
        """Why the campaign is over, in words; "" where it goes on."""

    def figures(self, cycle: Cycle, state: State) -> Mapping[str, float]:
        """What a cycle that closes puts on record for this rule, by name.

        Args:
            cycle: its session still holds the state of the cycle before.
            state: what this one leaves.
        """
        return {}

    def check(self, standing: Standing) -> None:
        """Refuse what cannot be, before anything starts.

        Raises:
            AlError: says what to change.
        """
