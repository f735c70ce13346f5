"""The way into a campaign: everything is looked up and checked before anything changes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pandas as pd

from al.cells import save_table
from al.config import Config
from al.data.near_copies import near_copies
from al.errors import AlError, ConfigError, TrackingError
from al.pipeline.achieved import share_table
from al.pipeline.campaign_record import CampaignRecord
from al.pipeline.changes import CHANGED, PEOPLE, changed_in, people_take_over, recorded
from al.pipeline.cycle import open_cycle
from al.pipeline.driving import advance
from al.pipeline.history import changes_in
from al.pipeline.identifying import Identified, find, identified, is_meant
from al.pipeline.looking_up import looked_up, registry_of
from al.pipeline.notices import Notices, failure
from al.pipeline.session import Session
from al.pipeline.standing import begin_with
from al.pipeline.steps import STEPS, Step
from al.tracking import Driver, Run, Store, left_over

_log = logging.getLogger(__name__)

#: Tag of a campaign's run once near copies were looked for: how many there are.
NEAR = "al.near_copies"


def open_session(
    given: Mapping[str, Any],
    *,
    experiment: str | None = None,
    entry: str | None = None,
    create: bool = True,
    steps: tuple[Step, ...] = STEPS,
) -> Session:
    """Find the campaign or start it.

    Args:
        given: parameters as the user gave them; what is not given is as the campaign has it,
            or the default for a new one.
        entry: the entry point that asks.
        create: whether a campaign that is not there is started.
        steps: of a cycle, in their order.

    Raises:
        AlError: something is wrong; nothing has been changed.
    """
    known, opened = looked_up(given, experiment, entry, create=create, steps=steps, at_work=True)
    store, config = known.store, known.config
    # Up to here everything was only looked at; from here on this process is the only driver.
    driver = Driver(store, config.name).acquire()
    try:
        run, stored = find(store, config.name)
        changed = run is not None and stored is not None and recorded(store, run) != known.recorded
        if (run, stored) != (known.run, known.stored) or changed:  # by another, meanwhile
            driver.release()
            return open_session(
                given, experiment=experiment, entry=entry, create=create, steps=steps
            )
        run = known.run or _create(store, config)
        session = opened(run, driver)
        if known.stored is None:
            begin_with(run, session.state.labels)
            session.put_on_record(run)
            session.seen_data.close()
            run.log_params(config.to_dict())
            CampaignRecord.of(config, session.splits, session.data).save(run)
        run.reopen()
        session.registry.claim()
        while session.open_run is not None and session.open_run.finished:  # its state is damaged
            damaged = session.open_run
            if changed_in(damaged) != session.changes:
                session = looked_up(
                    given, experiment, entry, create=create, steps=steps, of=damaged
                )[1](run, driver)
            session = _closed_again(session, lambda: opened(run, driver))
        if known.stored is not None:
            _take_changes(session, known)
        if known.stored is None:
            run.set_tags({"al.registered_model": session.registry.name})
            share_table(session)
            _tell_pool(session)
            run.describe_now(
                f"Campaign: {config.task} by {config.strategy}, seed {config.seed}. "
                f"Its models are registered as {session.registry.name}."
            )
        elif entry == "main":
            session.attach_project_run()
        if not session.state.cycle and session.open_run is None and NEAR not in run.tags:
            _look_for_near_copies(session)
        _end_left_over(session)
    except BaseException:
        driver.release()
        raise
    return session


def tell_unopened(given: Mapping[str, Any], experiment: str | None, error: AlError) -> None:
    """Tell those who want to know that a campaign which is there could not be opened."""
    if isinstance(error, (TrackingError, ConfigError)):  # the server is away, or it is a slip
        return
    with suppress(AlError):
        known = identified(given, Store(experiment), create=False)
        if known.run is not None and known.config.notify != "none":
            number = 1 + sum(
                run.finished
                for run in known.store.find({"al.role": "cycle", "al.campaign_run": known.run.id})
            )
            notices = Notices(known.config, known.run)
            notices.tell(known.run, failure(number, error))
            notices.close()


def look_into(
    given: Mapping[str, Any],
    *,
    experiment: str | None = None,
    create: bool = True,
    steps: tuple[Step, ...] = STEPS,
) -> Session | None:
    """The campaign as it stands, for reading only: others may drive it meanwhile.

    None where it has not been started. Parameters and errors are those of `open_session`;
    nothing is created, but without `create` a campaign that is not there is an error.
    """
    known, opened = looked_up(given, experiment, None, create=create, steps=steps)
    return opened(known.run, None) if known.run and known.stored else None


def promotions_of(given: Mapping[str, Any], experiment: str | None) -> pd.DataFrame:
    """The history of promotions of a campaign that is there; see `Promotions.table`.

    Parameters that changed on the way are logged.

    Raises:
        ConfigError: there is no such campaign.
    """
    known = identified(given, Store(experiment), create=False)
    assert known.run is not None  # else it has raised
    for cycle, labels, what in changes_in(known.store, known.run):
        _log.info(f"from cycle {cycle} on, after {labels} labels: {what}")
    return registry_of(known, known.run.id).promotions.table()


def _tell_pool(session: Session) -> None:
    """Say how the data's own labels are used, where some samples have one and others not."""
    given = session.data.given()
    count = len(session.data.ids("train"))
    if not given or len(given) == count:
        return
    if session.annotator.is_simulated:
        _log.warning(
            f"{count - len(given)} of {count} training samples have no label and stay out of the "
            f"pool: annotator={session.config.annotator} cannot answer about them; files, page "
            "or label-studio can"
        )
    else:
        _log.info(
            f"{len(given)} of {count} training samples have a label already and are not asked about"
        )


def _look_for_near_copies(session: Session) -> None:
    """Say which held-out samples nearly are training samples, once, before a label is paid for."""
    found = near_copies(session.data, session.splits)
    if found is None:
        return
    if found.pairs:
        _log.warning(f"{found.line()}; all are in near_copies.csv of the campaign's run")
        table = pd.DataFrame(found.pairs)
        session.run.save(lambda folder: save_table(table, folder / "near_copies.csv"))
    session.run.set_tags({NEAR: str(len(found.pairs))})


def _take_changes(session: Session, known: Identified) -> None:
    """Keep what is to change for the next cycle, and say so."""
    before = known.recorded.wanted if known.recorded else {}
    if known.next_changes == before:
        return
    assert known.stored is not None
    tags = {CHANGED: json.dumps(known.next_changes)}
    number = session.state.cycle + (2 if session.open_run else 1)
    begun = known.stored.as_config()
    was, now = (begun.replace(**changes) for changes in (before, known.next_changes))
    if people := people_take_over(was, now):
        tags[PEOPLE] = str(number)
    session.run.set_tags(tags)
    new = was.changes_of(now)
    if listed := [f"{name}={value} (was {getattr(was, name)})" for name, value in new.items()]:
        _log.info(f"from cycle {number} on: {', '.join(listed)}")
    if people:
        _log.info(
            "labels that the data itself gave so far stay in the labelled set, and the KPI is "
            "judged by people's alone"
        )


def _create(store: Store, config: Config) -> Run:
    tags = {"al.role": "campaign", "al.campaign": config.name}
    return store.create(config.name, tags, kind="main")


def _closed_again(session: Session, again: Callable[[], Session]) -> Session:
    """The campaign, opened again once the cycle whose state is damaged was closed again."""
    cycle = open_cycle(session)
    assert cycle is not None
    advance(cycle)
    return again()


def _end_left_over(session: Session) -> None:
    """End the runs of commands that were killed; they have no cycle of their own."""
    for run in session.store.find({"al.role": "step", "al.campaign_run": session.run.id}):
        mine = run.id == session.store.attached
        if "al.cycle" not in run.tags and not mine:
            run.settle()
    for run, given in left_over(session.store):
        if is_meant(given, session.config):
            run.end("KILLED")
