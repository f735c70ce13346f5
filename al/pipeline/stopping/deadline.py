"""Stop rule deadline: the time is over."""

from __future__ import annotations

from datetime import UTC, datetime

from al.catalog import stop_rules
from al.errors import ConfigError
from al.pipeline.spans import seconds_in
from al.pipeline.stopping.rule import Standing, StopRule


@stop_rules.register("deadline")
class Deadline(StopRule):
    """No cycle starts after it: `deadline=8h` from the campaign's start, or a date and time."""

    def why(self, standing: Standing) -> str:
        text = standing.config.deadline
        when = deadline_of(text, standing.started)
        return f"deadline={text} has passed" if when is not None and standing.now >= when else ""

    def check(self, standing: Standing) -> None:
        deadline_of(standing.config.deadline, 0)


def deadline_of(text: str, started: float) -> float | None:
    """A deadline in seconds since 1970: a date and time, or a span from the start; None if off.

    Raises:
        ConfigError: it is neither.
    """
    if text == "off":
        return None
    if (seconds := seconds_in(text)) is not None:
        return started + seconds
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"deadline={text!r} is not a time: give 90m, 8h, 2d, 2026-12-31T18:00, or off"
        ) from None
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()
