"""Stop rule annotation_hours: people have spent their time."""

from __future__ import annotations

from al.catalog import stop_rules
from al.errors import ConfigError
from al.pipeline.stopping.rule import Standing, StopRule


@stop_rules.register("annotation_hours")
class AnnotationHours(StopRule):
    """People have spent so many hours on answers: `stop=annotation_hours(8)`."""

    def __init__(self, hours: float) -> None:
        self.hours = hours

    def why(self, standing: Standing) -> str:
        hours = (standing.latest("annotation_seconds") or 0) / 3600
        over = hours >= self.hours
        return f"people have spent {hours:.1f} of {self.hours:g} hours on answers" if over else ""

    def check(self, standing: Standing) -> None:
        if not isinstance(self.hours, (int, float)) or not self.hours > 0:
            raise ConfigError(f"annotation_hours({self.hours!r}): give a number of hours above 0")
