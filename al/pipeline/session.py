"""A campaign, opened: everything that its steps work with, checked before anything changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch

from al.catalog import annotators, tasks
from al.config import Config
from al.contracts import Annotator, Criterion, DataLoader, Graph, Splits, Task
from al.data_selector import passes_limit
from al.engine import LocalEngine
from al.errors import ConfigError, DataError, StateError, StrategyError, UnknownName
from al.model_selector import criterion
from al.pipeline.stopping import deadline_of
from al.progress import say
from al.registry import Registry
from al.state import LabelTable, State, check_shape
from al.strategies import build, check_reads
from al.tracking import Driver, Run, Store, server_wait
from al.tracking.store import unknown_campaign


@dataclass
class Session:
    """What the steps of a campaign share.

    Attributes:
        driver: the right of this process to drive the campaign; None where it only looks.
        run: the campaign's run.
        state: where the campaign stands after its last closed cycle.
        open_run: run of the cycle that another process left open.
        seen: run that last put the training ids on record.
    """

    config: Config
    store: Store
    driver: Driver | None
    run: Run
    task: Task
    data: DataLoader
    splits: Splits
    annotator: Annotator
    criterion: Criterion
    registry: Registry
    state: State
    device: torch.device
    engine: LocalEngine
    open_run: Run | None = None
    seen: Run | None = None

    def look_again(self) -> None:
        """See the data as it is now: samples may have appeared and vanished.

        Raises:
            DataError: labelled, validation or test samples have vanished, and `missing` is stop.
        """
        self.data.refresh()
        _freeze(self.data, self.splits, self.config.missing)
        gone = self.data.missing(self.state.labels.ids)
        if gone:
            _tell_gone(gone, "labelled", self.config.missing)

    def present(self, labels: LabelTable) -> LabelTable:
        """The labels whose samples are there; all labels are kept, whatever vanishes."""
        return labels.without(self.data.missing(labels.ids))

    @property
    def pool(self) -> tuple[str, ...]:
        """Ids that may be asked about: all training ids less those ever answered or skipped."""
        asked = self.state.labels.asked
        return tuple(id for id in self.data.ids("train") if id not in asked)

    @property
    def tags(self) -> dict[str, str]:
        """How a later process finds this campaign's runs."""
        return {"al.campaign": self.config.name, "al.campaign_run": self.run.id}

    def new_graph(self) -> Graph:
        """A graph of the task with random weights, on the device."""
        return _new_graph(self.task, self.data, self.config).to(self.device)

    def save_promotions(self) -> None:
        """Keep the history of promotions with the campaign, for those who look there."""
        table = self.registry.promotions.table()
        self.run.save(lambda folder: table.to_csv(folder / "promotions.csv", index=False))

    def attach_project_run(self) -> None:
        """Put the run of `mlflow run` into the tree where no new run took its place."""
        tags = {**self.tags, "al.role": "step", "al.step": str(self.store.entry)}
        self.store.attach_offered(self.run, tags)


def open_session(
    given: Mapping[str, Any],
    *,
    experiment: str | None = None,
    entry: str | None = None,
    create: bool = True,
) -> Session:
    """Find the campaign or start it.

    Args:
        given: parameters as the user gave them; what is not given is as the campaign has it,
            or the default for a new one.
        entry: the entry point that asks.
        create: whether a campaign that is not there is started.

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
            return open_session(given, experiment=experiment, entry=entry, create=create)
        run = plan.found or _create(store, config)
        if plan.stored is None:
            run.log_params(config.to_dict())
            run.save_json("campaign.json", _as_json(config, plan.splits, data))
        session = plan.session(run, driver)
        run.reopen()
        session.registry.claim()
        if plan.stored is None:
            run.set_tags({"al.registered_model": session.registry.name})
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


def look_into(given: Mapping[str, Any], *, experiment: str | None = None) -> Session | None:
    """The campaign as it stands, for reading only: others may drive it meanwhile.

    None where it has not been started. Parameters and errors are those of `open_session`.
    """
    plan = _plan(given, experiment, None, create=True)
    return plan.session(plan.found) if plan.found and plan.stored else None


@dataclass
class _Plan:
    """What a campaign needs, looked up and checked; nothing has been changed."""

    config: Config
    store: Store
    found: Run | None
    stored: dict[str, Any] | None
    task: Task
    data: DataLoader
    splits: Splits
    annotator: Annotator
    criterion: Criterion
    device: torch.device

    def session(self, run: Run, driver: Driver | None = None) -> Session:
        """The session on the campaign's run."""
        state, open_run = _where_it_stands(self.store, run, self.config, mend=driver is not None)
        check_labels(state.labels, self.data)
        registry = Registry(self.store.client, self.config.model_name, self.config.name, run.id)
        return Session(
            self.config, self.store, driver, run, self.task, self.data, self.splits,
            self.annotator, self.criterion, registry, state, self.device, LocalEngine(), open_run,
        )  # fmt: skip


def _plan(
    given: Mapping[str, Any], experiment: str | None, entry: str | None, *, create: bool
) -> _Plan:
    config = Config.from_dict(given)
    check_names(config)
    passes_limit(), server_wait()  # a wrong one is told now
    store = Store(experiment, entry)
    found, stored = _find(store, config.name)
    if stored is not None:
        config = _stored_config(stored).resumed_with(given)
        check_names(config)
    elif not create:
        raise ConfigError(unknown_campaign(store, config.name))

    task: Task = tasks.get(config.task)()
    data = task.data()
    device = _device(config.device)
    graph = _new_graph(task, data, config)
    _check_start(task, data, config)
    names = [f"val/{metric}" for metric in graph.metrics]
    wanted = criterion(config.criterion, names)
    if stored is None:
        splits = data.propose_splits(config.validation_size, config.seed)
    else:
        splits = Splits(tuple(stored["splits"]["val"]), tuple(stored["splits"]["test"]))
    _freeze(data, splits, config.missing)
    if config.stable and not data.spec.classes:
        raise ConfigError(f"stable={config.stable:g} compares classes, and this task has none")
    deadline_of(config.deadline, 0)  # a wrong one is told now
    annotator = annotators.get(config.annotator)(data, config.name)
    if stored is None:
        _check_sizes(config, len(data.ids("train")))
        owner = found.id if found else ""
        Registry(store.client, config.model_name, config.name, owner).check_free()
    return _Plan(
        config, store, found, stored, task, data, splits, annotator, wanted, device
    )  # fmt: skip


def promotions_of(given: Mapping[str, Any], experiment: str | None) -> pd.DataFrame:
    """The history of promotions of a campaign that is there; see `Promotions.table`.

    Raises:
        ConfigError: there is no such campaign.
    """
    config = Config.from_dict(given)
    store = Store(experiment)
    run, stored = _find(store, config.name)
    if run is None or stored is None:
        raise ConfigError(unknown_campaign(store, config.name))
    config = _stored_config(stored).resumed_with(given)
    return Registry(store.client, config.model_name, config.name, run.id).promotions.table()


#: Of campaign.json.
_SHAPE = {
    "schema": int,
    "config": dict,
    "data": dict,
    "splits": {"val": [str], "test": [str]},
}


def check_labels(labels: LabelTable, data: DataLoader) -> LabelTable:
    """The labels, each of which the data knows.

    Raises:
        StateError: one is none of the data's.
    """
    for text in labels.frame["label"][labels.frame["status"] == "answered"].unique():
        try:
            data.check_label(json.loads(text))
        except DataError as error:
            raise StateError(f"the saved labels are damaged ({error}): restore them") from error
    return labels


def _find(store: Store, name: str) -> tuple[Run | None, dict[str, Any] | None]:
    """The campaign's run and what it was started with; a run alone was killed before that."""
    runs = store.find({"al.role": "campaign", "al.campaign": name})
    if not runs:
        return None, None
    if not runs[0].has("campaign.json"):
        return runs[0], None
    stored = runs[0].load_json("campaign.json")
    check_shape(stored, _SHAPE, "campaign.json")
    return runs[0], stored


def _freeze(data: DataLoader, splits: Splits, missing: str) -> None:
    """Use the campaign's splits; those of their samples that have vanished are told or dropped.

    Raises:
        DataError: samples have vanished, and `missing` is stop.
    """
    gone = frozenset(data.missing((*splits.val, *splits.test)))
    if gone:
        _tell_gone(sorted(gone), "validation or test", missing)
        splits = Splits(
            tuple(id for id in splits.val if id not in gone),
            tuple(id for id in splits.test if id not in gone),
        )
    data.freeze(splits)


def _tell_gone(gone: Sequence[str], what: str, missing: str) -> None:
    line = f"{len(gone)} {what} samples have vanished from the data, {gone[0]!r} first"
    if missing == "stop":
        raise DataError(f"{line}: restore them, or pass missing=drop to go on without them")
    say(f"{line}: going on without them, as missing=drop says")


def check_names(config: Config) -> None:
    """Look every name up, so that what cannot run is told before anything starts.

    Raises:
        UnknownName: the first name that no catalog knows.
        ConfigError: a strategy's text is not well formed.
        StrategyError: a strategy needs what this campaign never has.
    """
    tasks.get(config.task)
    if "none" in (config.strategy, config.cold_start):
        raise UnknownName("'none' is no strategy: only baseline can be none")
    for name in {config.strategy, config.baseline} - {"none"}:
        check_reads(build(name), candidates=config.candidates, has_model=True)
    check_reads(build(config.cold_start), candidates=config.candidates, has_model=False)
    annotators.get(config.annotator)


def _new_graph(task: Task, data: DataLoader, config: Config) -> Graph:
    """A graph with random weights, with all that the strategy will read of it.

    Raises:
        StrategyError: it reads losses, and this graph cannot learn to predict them.
    """
    graph = task.graph(data.spec)
    if "losses" in build(config.strategy).reads:
        try:
            graph.learn_losses()
        except NotImplementedError:
            raise StrategyError(
                f"strategy={config.strategy} reads the model's losses, which task "
                f"{config.task!r} cannot predict: choose another strategy"
            ) from None
    return graph


def _check_start(task: Task, data: DataLoader, config: Config) -> None:
    """Refuse a start from the champion's weights for a graph that cannot.

    Raises:
        ConfigError: says so.
    """
    if config.init == "scratch":
        return
    try:
        task.graph(data.spec).start_from(task.graph(data.spec), keep=1.0, fresh=0.0)
    except NotImplementedError:
        raise ConfigError(
            f"init={config.init}: models of task {config.task!r} cannot start from others: "
            "leave it at scratch"
        ) from None


def _stored_config(stored: Mapping[str, Any]) -> Config:
    try:
        return Config.from_dict(stored["config"])
    except (KeyError, TypeError, ConfigError) as error:
        raise StateError(f"campaign.json is damaged ({error}): restore it") from error


def _create(store: Store, config: Config) -> Run:
    tags = {"al.role": "campaign", "al.campaign": config.name}
    return store.create(config.name, tags, kind="main")


def _as_json(config: Config, splits: Splits, data: DataLoader) -> dict[str, Any]:
    """What makes the campaign what it is, with the names that `auto` stood for."""
    named = config.replace(campaign=config.name, model=config.model_name)
    return {
        "schema": 1,
        "config": named.to_dict(),
        "data": data.spec.to_dict(),
        "splits": {"val": list(splits.val), "test": list(splits.test)},
    }


def _where_it_stands(
    store: Store, run: Run, config: Config, *, mend: bool
) -> tuple[State, Run | None]:
    """The state after the last closed cycle, and the run of the cycle that is open.

    Args:
        mend: end the run of a cycle that was killed just before it ended.
    """
    found = store.find({"al.role": "cycle", "al.campaign_run": run.id})
    cycles = {int(cycle.tags["al.cycle"]): cycle for cycle in found}
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


def _check_sizes(config: Config, pool: int) -> None:
    for name in ("initial_size", "query_size"):
        size = getattr(config, name)
        if size > pool:
            raise ConfigError(f"{name}={size} is more than the pool of {pool}: give less")


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
