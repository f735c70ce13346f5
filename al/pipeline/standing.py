"""Where a campaign stands, as its runs say it; only `mend` changes anything."""

from __future__ import annotations

from dataclasses import replace

from al.config import Config
from al.errors import StateError
from al.state import LabelTable, State
from al.tracking import Run, Store

#: The artifact of the campaign's run that holds the labels that it began with.
BEGUN_WITH = "begun_with.parquet"


def begin_with(run: Run, labels: LabelTable) -> None:
    """Keep the labels that a campaign begins with on its run."""
    if len(labels):
        run.save(lambda folder: labels.save(folder / BEGUN_WITH))


def begun_with(run: Run, config: Config) -> LabelTable:
    """The labels that a campaign began with."""
    if config.labels_from == "none" or not run.has(BEGUN_WITH):
        return LabelTable()
    return LabelTable.load(run.path(BEGUN_WITH))


def where_it_stands(
    store: Store, run: Run, config: Config, *, mend: bool
) -> tuple[State, Run | None]:
    """The state after the last closed cycle, and the run of the cycle that is open.

    Args:
        mend: end the run of a cycle that was killed just before it ended.
    """
    found = store.find({"al.role": "cycle", "al.campaign_run": run.id})
    cycles = {cycle.tags.whole("al.cycle"): cycle for cycle in found}
    last = max((number for number, cycle in cycles.items() if cycle.finished), default=0)
    if last:
        state = State.load(cycles[last].path("state"))
    else:
        state = replace(State.start(config.name), labels=begun_with(run, config))
    if (state.campaign, state.cycle) != (config.name, last):
        raise StateError(
            f"cycle {last} of campaign {config.name!r} holds the state of cycle {state.cycle} of "
            f"{state.campaign!r}: restore it"
        )
    if mend and last and cycles[last].status == "RUNNING":  # killed between the mark and the end
        cycles[last].finish()
    return state, cycles.get(last + 1)
