"""What a campaign needs, looked up and checked before anything changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from al.catalog import make_task
from al.config import Config
from al.contracts import DataLoader, Graph, Task
from al.errors import RegistryError
from al.kept import cache_limit
from al.kinds import kind_of
from al.pipeline.checks import (
    check_change,
    check_names,
    check_same,
    check_splits,
    check_strategies,
)
from al.pipeline.draws import draws_of
from al.pipeline.fitting import annotator_of, check_begin, check_models, engine_of, rules_for
from al.pipeline.growing import GROW, named_in_data
from al.pipeline.held_out import lines, parted, proposed
from al.pipeline.identifying import Identified, find, identified, task_and_data
from al.pipeline.labels_in import inherited
from al.pipeline.making import criterion_of, device_named, freeze, new_graph
from al.pipeline.measuring import few, is_share, settle
from al.pipeline.notices import Notices, address
from al.pipeline.seen_data import SeenData, seen_so_far
from al.pipeline.session import Session, check_labels
from al.pipeline.standing import where_it_stands
from al.pipeline.steps import Step
from al.registry import Registry
from al.state import LabelTable
from al.tracking import Driver, Run, Store, server_wait

_log = logging.getLogger(__name__)


def looked_up(
    given: Mapping[str, Any],
    experiment: str | None,
    entry: str | None,
    *,
    create: bool,
    steps: tuple[Step, ...],
    of: Run | None = None,
    at_work: bool = False,
) -> tuple[Identified, Callable[[Run, Driver | None], Session]]:
    """Look everything up that a campaign needs, and check it; nothing is changed.

    Args:
        of: the run of the cycle whose parameters hold; by default that of the one that is open.

    Returns:
        Which campaign it is, and what makes the session of its run: with a driver, or without
        one for reading only.

    Raises:
        AlError: the first thing that cannot be.
    """
    check_names(Config.from_dict(given))
    cache_limit(), server_wait()  # a wrong value is refused now
    known = identified(given, Store(experiment, entry), create=create, of=of)
    config, stored = known.config, known.stored
    for each in (config, known.wanted):
        check_names(each)
    task, data = known.made or task_and_data(config)
    device = device_named(config.device)
    read: dict[str, Any] = {}  # tables of what was seen of the data, which may be large
    if stored is not None:
        data.expect(GROW)  # it has grown, perhaps: what it does not know is held back until then
        data.adopt(stored.data)
        assert known.run is not None  # it has stored that
        there = data.seen()
        seen = seen_so_far(known.store, known.run, read=read, now=there) if there else SeenData()
        seen.settle(data, {*stored.splits.val, *stored.splits.test})
        check_same(data, stored.contents, config)
    settle(config, task, data)
    graph = new_graph(task, data, config)
    for each, its, models in ((config, task, graph), _wanted(known, task, data, graph)):
        check_models(each, its, data, models, config.to_dict() if stored is None else given)
    if stored is not None:
        check_change(stored.as_config(), known.wanted)
    if "notify" in given:
        address(config.notify)
    lower = task.metric in graph.lower
    wanted = criterion_of(config, task, graph)
    if stored is None and data.given() is not None:
        tell_of(data)
    taken = inherited(config, known.store, data) if stored is None else None
    if stored is not None:
        splits = stored.splits
    elif taken is not None and taken.splits is not None:
        splits = taken.splits
        if config.by_folds:
            check_splits(config, proposed(config, data))
            splits = replace(splits, val=())
        taken.seen.recognise(data, {*splits.val, *splits.test})
    else:
        splits = proposed(config, data)
        for line in lines(splits, config):
            _log.info(line)
    check_splits(config, splits)
    freeze(data, splits, config.missing, tell=False)
    if stored is None:
        check_begin(config, task, data, graph)
        for line in few(data) if data.given() is not None else ():
            _log.warning(line)
    first = LabelTable() if taken is None else taken.labels(data, splits.asked)
    annotator = annotator_of(config, data, new=stored is None)
    if known.wanted.annotator != config.annotator:
        annotator_of(known.wanted, data, new=False)
    rules = rules_for(config, task, data, lower=lower)
    engine = engine_of(config)
    if at_work:
        engine.check()
    if stored is None:
        try:
            registry_of(known, known.run.id if known.run else "").check_free()
        except RegistryError:
            if find(known.store, config.name)[1] is None:
                raise
            # Another process began the campaign meanwhile, and the model is that one's.
            return looked_up(given, experiment, entry, create=create, steps=steps, at_work=at_work)

    def opened(run: Run, driver: Driver | None) -> Session:
        state, open_run = where_it_stands(known.store, run, config, mend=driver is not None)
        if stored is None:
            state = replace(state, labels=first)
        state = parted(state, splits)
        knows = tuple(state.classes)
        if open_run is not None:
            knows += (*state.new_classes, *named_in_data(open_run))
        for table in (state.labels, state.held_out):
            check_labels(table, data, knows)
        begun = stored is not None and bool(data.seen())
        session = Session(
            config=config,
            store=known.store,
            task=task,
            data=data,
            splits=splits,
            annotator=annotator,
            criterion=wanted,
            stop_rules=rules,
            lower=lower,
            share=is_share(task.metric, kind_of(data.spec)),
            device=device,
            engine=engine,
            steps=steps,
            run=run,
            driver=driver,
            registry=registry_of(known, run.id),
            state=state,
            open_run=open_run,
            draws=draws_of(known.store, run, state.cycle),
            seen_data=seen_so_far(known.store, run, state.cycle, read) if begun else SeenData(),
            notices=Notices(config, run, warn=driver is not None),
            begun=config if stored is None else stored.as_config(),
            changes=known.changes,
            next_changes=known.next_changes,
        )
        session.grow(knows)
        data.expect(config.new_classes)
        session.settle()
        session.hear(state.held_out)
        return session

    return known, opened


def _wanted(
    known: Identified, task: Task, data: DataLoader, graph: Graph
) -> tuple[Config, Task, Graph]:
    """What holds from the next cycle on, with its task and a model of it.

    Raises:
        ConfigError, DataError: it sees the data otherwise than the campaign does, or the query
            that the present champion is to make takes what only the models to come can tell.
    """
    config = known.wanted
    if config.of_task == known.config.of_task:
        return config, task, graph
    other = make_task(config.task, config.of_task)
    if known.stored is not None:
        other.data().adopt(known.stored.data)
    settle(config, other, data)
    check_strategies(config, kind_of(data.spec), graph)
    models = new_graph(other, data, config)
    models.check_kept()
    return config, other, models


def tell_of(data: DataLoader) -> None:
    """Say what is made of a user's own data, and what looks wrong in it."""
    for line in data.summary():
        _log.info(line)
    for line in data.oddities():
        _log.warning(line)


def registry_of(known: Identified, owner: str) -> Registry:
    """Where the campaign's models are registered.

    Args:
        owner: id of the campaign's run.
    """
    config = known.config
    return Registry(known.store.client, config.model_name, config.name, owner)
