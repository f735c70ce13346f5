"""Stop rule goal: the champion is good enough."""

from __future__ import annotations

from al.catalog import stop_rules
from al.pipeline.stopping.rule import Standing, StopRule


@stop_rules.register("goal")
class Goal(StopRule):
    """The champion's metric on validation has come as far as `goal=0.95`."""

    def why(self, standing: Standing) -> str:
        goal, value = standing.config.goal_value, standing.latest(f"val_{standing.metric}")
        if goal is None or value is None:
            return ""
        reached = value <= goal if standing.lower else value >= goal
        return f"val/{standing.metric} {value:.4f} has reached goal={goal:g}" if reached else ""
