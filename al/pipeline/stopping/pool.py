"""Stop rule pool: nothing is left to ask about."""

from __future__ import annotations

from al.catalog import stop_rules
from al.pipeline.stopping.rule import Standing, StopRule


@stop_rules.register("pool")
class Pool(StopRule):
    """The pool is empty."""

    def why(self, standing: Standing) -> str:
        return "" if standing.pool else "every sample of its pool has been asked about"
