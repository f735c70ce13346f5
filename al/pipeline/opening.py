"""The way into a campaign: everything is looked up and checked before anything changes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
import torch

from al.catalog import annotators, engines, make_task
from al.config import DEFAULT, Config
from al.contracts import Annotator, Criterion, DataLoader, Engine, Splits, Task
from al.errors import ConfigError, StateError
from al.kept import cache_limit
from al.kinds import kind_named, kind_of
from al.model_selector import criterion
from al.pipeline.asking import options_of
from al.pipeline.campaign_record import NAME, CampaignRecord
from al.pipeline.checks import (
    check_annotator,
    check_form,
    check_names,
    check_same,
    check_sizes,
    check_stop_rules,
    check_task,
    check_times,
)
from al.pipeline.session import Session, check_labels, freeze, new_graph
from al.pipeline.steps import STEPS, Step
from al.pipeline.stopping import StopRule, rules_of
from al.registry import Registry
from al.state import State
from al.tracking import Driver, Run, Store, server_wait
from al.tracking.store import unknown_campaign

_log = logging.getLogger(__name__)


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
    plan = _plan(given, experiment, entry, create=create)
    store, config, data = plan.store, plan.config, plan.data
    # Up to here everything was only looked at; from here on this process is the only driver.
    driver = Driver(store, config.name, plan.found.id if plan.found else None).acquire()
    try:
        if _find(store, config.name) != (plan.found, plan.stored):  # another one made it meanwhile
            driver.release()
            return open_session(
                given, experiment=experiment, entry=entry, create=create, steps=steps
            )
        run = plan.found or _create(store, config)
        if plan.stored is None:
            run.log_params(config.to_dict())
            CampaignRecord.of(config, plan.splits, data).save(run)
        session = plan.session(run, driver, steps=steps)
        run.reopen()
        session.registry.claim()
        if plan.stored is None:
            run.set_tags({"al.registered_model": session.registry.name})
            _tell_pool(session)
            run.describe(
                f"Campaign: {config.task} by {config.strategy}, seed {config.seed}. "
                f"Its models are registered as {session.registry.name}."
            )
        elif entry == "main":
            session.attach_project_run()
        _end_left_over(session)
    except BaseException:
        driver.release()
        raise
    return session


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
    plan = _plan(given, experiment, None, create=create)
    return plan.session(plan.found, steps=steps) if plan.found and plan.stored else None


@dataclass
class _Plan:
    """What a campaign needs, looked up and checked; nothing has been changed."""

    config: Config
    store: Store
    found: Run | None
    stored: CampaignRecord | None
    task: Task
    data: DataLoader
    splits: Splits
    annotator: Annotator
    criterion: Criterion
    stop_rules: tuple[StopRule, ...]
    lower: bool
    device: torch.device
    engine: Engine

    def session(
        self, run: Run, driver: Driver | None = None, *, steps: tuple[Step, ...]
    ) -> Session:
        """The session on the campaign's run."""
        state, open_run = _where_it_stands(self.store, run, self.config, mend=driver is not None)
        check_labels(state.labels, self.data)
        registry = Registry(self.store.client, self.config.model_name, self.config.name, run.id)
        return Session(
            self.config, self.store, driver, run, self.task, self.data, self.splits,
            self.annotator, self.criterion, registry, state, self.device, self.engine, open_run,
            stop_rules=self.stop_rules, lower=self.lower, steps=steps,
        )  # fmt: skip


def _plan(
    given: Mapping[str, Any], experiment: str | None, entry: str | None, *, create: bool
) -> _Plan:
    check_names(Config.from_dict(given))
    cache_limit(), server_wait()  # a wrong one is told now
    store = Store(experiment, entry)
    config, found, stored, made = _identified(given, store, create=create)
    check_names(config)
    task, data = made or _made(config)
    device = _device(config.device)
    if stored is not None:
        check_same(data, stored.contents, config)
        data.adopt(stored.data)
    task.metric = task.metric or kind_of(data.spec).metric
    graph = new_graph(task, data, config)
    check_task(config, task, data, graph)
    check_times(config)
    names = [f"val/{metric}" for metric in graph.metrics]
    lower = task.metric in graph.lower
    auto = f"{'min' if lower else 'max'}:val/{task.metric}"
    wanted = criterion(auto if config.criterion == "auto" else config.criterion, names)
    if stored is None:
        splits = data.propose_splits(config.validation_size, config.seed)
    else:
        splits = stored.splits
    freeze(data, splits, config.missing, tell=False)
    asked = annotators.get(config.annotator)
    check_form(config, asked, kind_of(data.spec))
    annotator = asked(data, config.name, options_of(config, asked.options))
    check_annotator(annotator, data, config, new=stored is None)
    rules = rules_of(config.stop)
    check_stop_rules(rules, config, data, task.metric, lower=lower)
    runs_on = engines.get(config.engine)
    engine = runs_on(options_of(config, runs_on.options, "engine"))
    if stored is None:
        check_sizes(config, len(data.ids("train")))
        owner = found.id if found else ""
        Registry(store.client, config.model_name, config.name, owner).check_free()
    return _Plan(
        config, store, found, stored, task, data, splits, annotator, wanted, rules, lower, device,
        engine,
    )  # fmt: skip


def promotions_of(given: Mapping[str, Any], experiment: str | None) -> pd.DataFrame:
    """The history of promotions of a campaign that is there; see `Promotions.table`.

    Raises:
        ConfigError: there is no such campaign.
    """
    store = Store(experiment)
    config, run, _, _ = _identified(given, store, create=False)
    assert run is not None  # else it has said so
    return Registry(store.client, config.model_name, config.name, run.id).promotions.table()


class _Identified(NamedTuple):
    """Which campaign is meant, whether it is there or not.

    Attributes:
        made: its task and data, where they had to be made to know that.
    """

    config: Config
    run: Run | None
    stored: CampaignRecord | None
    made: tuple[Task, DataLoader] | None


def name_of(given: Mapping[str, Any]) -> str:
    """The name of the campaign that parameters mean."""
    return _named(Config.from_dict(given))[0].name


def _identified(given: Mapping[str, Any], store: Store, *, create: bool) -> _Identified:
    """The campaign that parameters mean, with the strategy that `default` stands for.

    Raises:
        ConfigError: it is not there and not to be created, or runs with other parameters.
    """
    config, made = _named(Config.from_dict(given))
    run, stored = _find(store, config.name)
    if stored is not None:
        if config.strategy == DEFAULT:
            config = config.replace(strategy=kind_named(stored.data.kind).strategy)
        if "strategy" in given:
            given = {**given, "strategy": config.strategy}
        return _Identified(stored.as_config().resumed_with(given), run, stored, made)
    if not create:
        raise ConfigError(unknown_campaign(store, config.name))
    made = made or _made(config)
    return _Identified(_settled(config, made[1]), run, stored, made)


def _named(config: Config) -> tuple[Config, tuple[Task, DataLoader] | None]:
    """A configuration whose name is known: an automatic one says the strategy."""
    if config.named:
        return config, None
    made = _made(config)
    return _settled(config, made[1]), made


def _settled(config: Config, data: DataLoader) -> Config:
    """The configuration with the strategy of the data's kind, where it names none."""
    if config.strategy != DEFAULT:
        return config
    return config.replace(strategy=kind_of(data.spec).strategy)


def _made(config: Config) -> tuple[Task, DataLoader]:
    task: Task = make_task(config.task, config.of_task)
    return task, task.data()


def _find(store: Store, name: str) -> tuple[Run | None, CampaignRecord | None]:
    """The campaign's run and what it was started with; a run alone was killed before that."""
    runs = store.find({"al.role": "campaign", "al.campaign": name})
    if not runs:
        return None, None
    return runs[0], CampaignRecord.load(runs[0]) if runs[0].has(NAME) else None


def _tell_pool(session: Session) -> None:
    """Say how the data's own labels are used, where some samples have one and others not."""
    given = session.data.given()
    count = len(session.data.ids("train"))
    if given is None or len(given) == count:
        return
    if session.annotator.tells_truth:
        _log.warning(
            f"{count - len(given)} of {count} training samples have no label and stay out of the "
            f"pool: annotator={session.config.annotator} cannot answer about them; files, page "
            "or label-studio can"
        )
    else:
        _log.info(
            f"{len(given)} of {count} training samples have a label already and are not asked about"
        )


def _create(store: Store, config: Config) -> Run:
    tags = {"al.role": "campaign", "al.campaign": config.name}
    return store.create(config.name, tags, kind="main")


def _where_it_stands(
    store: Store, run: Run, config: Config, *, mend: bool
) -> tuple[State, Run | None]:
    """The state after the last closed cycle, and the run of the cycle that is open.

    Args:
        mend: end the run of a cycle that was killed just before it ended.
    """
    found = store.find({"al.role": "cycle", "al.campaign_run": run.id})
    cycles = {cycle.tags.whole("al.cycle"): cycle for cycle in found}
    last = max((number for number, cycle in cycles.items() if cycle.finished), default=0)
    state = State.load(cycles[last].path("state")) if last else State.start(config.name)
    if (state.campaign, state.cycle) != (config.name, last):
        raise StateError(
            f"cycle {last} of campaign {config.name!r} holds the state of cycle {state.cycle} of "
            f"{state.campaign!r}: restore it"
        )
    if mend and last and cycles[last].status == "RUNNING":  # killed between the mark and the end
        cycles[last].finish()
    return state, cycles.get(last + 1)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise ConfigError(f"device={name!r} cannot be used ({reason}): give cpu or auto") from error
    return device


def _end_left_over(session: Session) -> None:
    """End the runs of drivers that were killed; they have no cycle of their own."""
    for run in session.store.find({"al.role": "step", "al.campaign_run": session.run.id}):
        mine = run.id == session.store.attached
        if run.status == "RUNNING" and "al.cycle" not in run.tags and not mine:
            run.end("KILLED")
