"""What a parameter is: its group, default, help line and range, kept with the field of Config."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Any

from al.errors import ConfigError

#: Titles of the groups of parameters in `--help`, in their order.
GROUPS = {
    "data": "What is learned from what",
    "choosing": "Which samples are asked about",
    "annotating": "Who answers, and for how long",
    "judging": "Which model is good enough",
    "training": "How it is trained",
    "stopping": "When the campaign ends",
    "campaign": "The campaign itself",
}


def _p(
    group: str,
    default: Any,
    help: str,
    *,
    low: float | None = None,
    free: bool = False,
    later: bool = False,
) -> Any:
    """A parameter.

    Args:
        low: its smallest value.
        free: it may change while a campaign runs, at once; names of campaigns do not say it.
        later: it may change from the next cycle on, where the campaign is named: figures of
            cycles before and after can be compared.
    """
    metadata = {"group": group, "help": help, "low": low, "free": free, "later": later}
    return dataclasses.field(default=default, metadata=metadata)


data, choosing, annotating, judging, training, stopping, campaign = (
    partial(_p, group) for group in GROUPS
)


def typed(parameter: dataclasses.Field[Any], value: Any) -> Any:
    """The value in the parameter's type, within its range."""
    wanted: Any = type(parameter.default)
    try:
        if isinstance(value, bool) or (wanted is int and float(value) != int(value)):
            raise ValueError
        typed = wanted(value)
    except (TypeError, ValueError, OverflowError):
        kind = {int: "a whole number", float: "a number", str: "a text"}[wanted]
        raise ConfigError(f"{parameter.name}={value!r} is not {kind}: give {kind}") from None
    low = parameter.metadata["low"]
    if low is not None and not (typed > low if wanted is float else typed >= low):
        least = f"more than {low:g}" if wanted is float else f"at least {low}"
        raise ConfigError(f"{parameter.name}={typed}: give {least}")
    if wanted is float and not math.isfinite(typed):
        raise ConfigError(f"{parameter.name}={typed}: give a finite number")
    return typed
