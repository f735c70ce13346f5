"""Where a campaign stands, as its runs say it; only `mend` changes anything."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from al.config import Config
from al.errors import LaterState, StateError
from al.pipeline.campaign_record import NAME
from al.pipeline.steps import ANNOTATE, SELECT_DATA
from al.state import LabelTable, State
from al.tracking import Run, Store

_log = logging.getLogger(__name__)

#: The artifact of the campaign's run that holds the labels that it began with.
BEGUN_WITH = "begun_with.parquet"
#: The same once more, for when that is damaged: until the first cycle is closed nothing else has
#: them.
BEGUN_WITH_COPY = "begun_with_copy.parquet"


def begin_with(run: Run, labels: LabelTable) -> None:
    """Keep the labels that a campaign begins with on its run, and a copy once they are there."""
    if len(labels):
        for name in (BEGUN_WITH, BEGUN_WITH_COPY):
            run.save(partial(_save, labels, name))
            run.sync()


def _save(labels: LabelTable, name: str, folder: Path) -> None:
    labels.save(folder / name)


def begun_with(run: Run, config: Config) -> LabelTable:
    """The labels that a campaign began with; from the copy, and anew, where they are damaged.

    Raises:
        StateError: the copy is damaged too.
    """
    if config.labels_from == "none" or not run.has(NAME):  # it has none, or is not one yet
        return LabelTable()
    try:
        return LabelTable.load(run.path(BEGUN_WITH))
    except StateError as error:
        try:
            found = LabelTable.load(run.path(BEGUN_WITH_COPY))
        except StateError:
            raise error from None
        run.save(partial(_save, found, BEGUN_WITH))
        _log.warning(
            f"{str(error).rpartition(': ')[0]}: it was written anew from {BEGUN_WITH_COPY}"
        )
        return found


def _state(run: Run, cycles: Mapping[int, Run], config: Config, number: int) -> State:
    """The state after a cycle; before the first, what the campaign began with."""
    if number and number not in cycles:
        raise StateError(f"cycle {number} of campaign {config.name!r} is gone: restore its run")
    if number:
        state = State.load(cycles[number].path("state"))
    else:
        state = replace(State.start(config.name), labels=begun_with(run, config))
    if (state.campaign, state.cycle) != (config.name, number):
        raise StateError(
            f"cycle {number} of campaign {config.name!r} holds the state of cycle {state.cycle} "
            f"of {state.campaign!r}: restore it"
        )
    return state


def _can_close_again(store: Store, cycle: Run) -> bool:
    """Whether the steps that people or chance had a part in are done and there."""
    steps = store.find({"al.role": "step", "al.cycle_run": cycle.id})
    done = {step.tags["al.step"] for step in steps if step.finished}
    return {SELECT_DATA.name, ANNOTATE.name} <= done


def where_it_stands(
    store: Store, run: Run, config: Config, *, mend: bool
) -> tuple[State, Run | None]:
    """The state after the last closed cycle, and the run of the cycle that is open.

    A cycle whose state is damaged counts as open, and so do those after it, which are damaged
    too: their steps are done, so that closing them again, one by one, makes the same states of
    what they left.

    Args:
        mend: end the run of a cycle that was killed just before it ended.

    Raises:
        StateError: the state is damaged, and cannot be made again.
    """
    found = store.find({"al.role": "cycle", "al.campaign_run": run.id})
    cycles = {cycle.tags.whole("al.cycle"): cycle for cycle in found}
    last = max((number for number, cycle in cycles.items() if cycle.finished), default=0)
    whole, state, damage = last, None, ""
    while state is None:
        try:
            state = _state(run, cycles, config, whole)
        except LaterState:
            raise
        except StateError as error:
            if whole not in cycles or not _can_close_again(store, cycles[whole]):
                raise
            damage = str(error).rpartition(": ")[0]
            whole -= 1
    if whole < last:
        number = whole + 1
        _log.warning(f"cycle {number}: {damage}; it is made again of what the cycle's steps left")
        return state, cycles[number]
    if mend and last:  # killed between the mark and the end
        cycles[last].settle()
    return state, cycles.get(last + 1)
