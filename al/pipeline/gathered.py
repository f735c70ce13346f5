"""What a campaign's report has read of runs that do not change any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from al.report import Curve
from al.tracking import Run, Store


@dataclass
class Gathered:
    """The runs of closed cycles, each read once.

    Attributes:
        runs: of cycles and their steps, by cycle.
        baseline: the baseline's curve, once it was looked for.
        logged: the cycle for which each figure of the campaign's run was logged last.
        linked: the version that was listed last among the models of the campaign's run.
    """

    runs: dict[int, list[Run]] = field(default_factory=dict)
    baseline: Curve | None = None
    logged: dict[str, int] = field(default_factory=dict)
    linked: int = 0

    def up_to(self, last: int, store: Store, campaign: Run) -> Mapping[int, list[Run]]:
        """The runs of all cycles up to the last one that is closed, by cycle."""
        wanted = {"al.campaign_run": campaign.id}
        if last - 1 in self.runs and last not in self.runs:
            wanted["al.cycle"] = str(last)
        if last not in self.runs:
            new: dict[int, list[Run]] = {}
            for run in store.find(wanted):
                if "al.cycle" in run.tags and run.tags.get("al.role") in ("cycle", "step"):
                    new.setdefault(run.tags.whole("al.cycle"), []).append(run)
            self.runs |= {number: found for number, found in new.items() if number <= last}
        return dict(sorted(self.runs.items()))
