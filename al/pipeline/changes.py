"""Parameters that were changed on the way: what holds in a cycle, and what from the next one on.

The campaign's run says what the next cycle is to begin with, the run of a cycle what it began
with, both as all that differs from `campaign.json`. A cycle that is open ends as it began.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from al.catalog import annotators
from al.config import Config
from al.errors import ConfigError, StateError
from al.state import read_as
from al.tracking import Run, Store

#: Tag of the campaign's run and of cycles' runs.
CHANGED = "al.parameters"
#: Tag of the campaign's run: the first cycle in which people answer, where the data's own labels
#: did before.
PEOPLE = "al.people_since"


class Recorded(NamedTuple):
    """What the runs say of changes.

    Attributes:
        wanted: from the next cycle on.
        opened: run of the cycle that is open, and what holds in it.
    """

    wanted: Mapping[str, Any]
    opened: tuple[str, Mapping[str, Any]] | None


def recorded(store: Store, run: Run, of: Run | None = None) -> Recorded:
    """Read what changes there are; most campaigns have none.

    Args:
        of: a cycle that is to count as open, as its state is damaged.
    """
    return Recorded(changed_in(run), (of.id, changed_in(of)) if of else _opened(store, run))


def _opened(store: Store, run: Run) -> tuple[str, Mapping[str, Any]] | None:
    cycles = store.find({"al.role": "cycle", "al.campaign_run": run.id})
    if not cycles:
        return None
    latest = max(cycles, key=lambda cycle: cycle.tags.whole("al.cycle"))
    return None if latest.finished else (latest.id, changed_in(latest))


def changed_in(run: Run) -> Mapping[str, Any]:
    """What differs from how the campaign began.

    Raises:
        StateError: somebody has damaged the tag.
    """
    text = run.tags.get(CHANGED)
    return {} if text is None else read_as(dict[str, Any], text, f"tag {CHANGED} of {run.name!r}")


def with_changes(config: Config, changes: Mapping[str, Any], run: str) -> Config:
    """The configuration, with changes that a run has on record.

    Raises:
        StateError: one is not a parameter, or out of range.
    """
    try:
        return Config.from_dict({**config.to_dict(), **changes})
    except ConfigError as error:
        raise StateError(f"tag {CHANGED} of {run} is damaged ({error}): mend it") from error


def people_take_over(before: Config, after: Config) -> bool:
    """Whether people answer from now on, where the data's own labels did.

    Raises:
        ConfigError: it is the other way round.
    """
    knew, knows = (annotators.get(c.annotator).is_simulated for c in (before, after))
    if knows and not knew:
        raise ConfigError(
            f"people answer in campaign {before.name!r} (annotator={before.annotator}), and "
            f"annotator={after.annotator} would mix the data's own labels with theirs: pass "
            f"annotator={before.annotator}, or fork it: another campaign name with "
            f"annotator={after.annotator} and labels_from={before.name}"
        )
    return knew and not knows


def tags_of(changes: Mapping[str, Any]) -> dict[str, str]:
    """The tag that keeps changes; none where there are none."""
    return {CHANGED: json.dumps(changes)} if changes else {}
