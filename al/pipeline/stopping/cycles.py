"""Stop rule cycles: there are as many as were asked for."""

from __future__ import annotations

from al.catalog import stop_rules
from al.pipeline.stopping.rule import Standing, StopRule


@stop_rules.register("cycles")
class Cycles(StopRule):
    """So many cycles are closed: `cycles=10`."""

    def why(self, standing: Standing) -> str:
        cycles = standing.config.cycles
        return f"cycles={cycles} are done" if len(standing.cycles) >= cycles else ""
