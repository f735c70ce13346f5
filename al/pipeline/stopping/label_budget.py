"""Stop rule label_budget: the labels that were paid for are used up."""

from __future__ import annotations

from al.catalog import stop_rules
from al.pipeline.stopping.rule import Standing, StopRule


@stop_rules.register("label_budget")
class LabelBudget(StopRule):
    """So many labels are there or waited for: `label_budget=500`; the last query is cut to fit."""

    def why(self, standing: Standing) -> str:
        budget = standing.config.label_budget
        paid = standing.labels + (standing.latest("waiting") or 0)
        return f"label_budget={budget} is used up" if budget and paid >= budget else ""
