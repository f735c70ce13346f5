"""Which campaign parameters mean, and whether it is there; nothing here changes anything."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from al.catalog import make_task, tasks
from al.config import DEFAULT, Config
from al.contracts import DataLoader, Task
from al.data import encoding
from al.errors import ConfigError, LaterState, StateError
from al.kinds import kind_named, kind_of
from al.pipeline import measuring
from al.pipeline.campaign_record import COPY, NAME, CampaignRecord
from al.pipeline.changes import Recorded, people_take_over, recorded, with_changes
from al.pipeline.held_out import folds_line, validation_of
from al.project import defaults_of
from al.tracking import Run, Store
from al.tracking.store import unknown_campaign

_log = logging.getLogger(__name__)


class Identified(NamedTuple):
    """Which campaign is meant, whether it is there or not.

    Attributes:
        store: where it was looked for.
        run: the campaign's; None where it has not been started.
        stored: what it was started with; a run alone was killed before that was written.
        made: its task and data, where they had to be made to know which campaign it is.
        wanted: what holds from the next cycle on; a cycle that is open ends as it began.
        recorded: which changes the runs had on record.
    """

    store: Store
    config: Config
    run: Run | None
    stored: CampaignRecord | None
    made: tuple[Task, DataLoader] | None
    wanted: Config
    recorded: Recorded | None = None

    @property
    def changes(self) -> Mapping[str, Any]:
        """What was changed since the campaign began, as the cycle that is open or next has it."""
        opened = self.recorded and self.recorded.opened
        return opened[1] if opened else self.next_changes

    @property
    def next_changes(self) -> Mapping[str, Any]:
        """What was changed since the campaign began, as it holds from the next cycle on."""
        if self.stored is None or self.recorded is None:
            return {}
        new = self.stored.as_config().changes_of(self.wanted)
        known = {*self.recorded.wanted, *new}
        return {name: v for name, v in self.wanted.to_dict().items() if name in known}


def name_of(given: Mapping[str, Any]) -> str:
    """The name of the campaign that parameters mean."""
    return _named(Config.from_dict(given))[0].name


def is_meant(given: Mapping[str, str], campaign: Config) -> bool:
    """Whether parameters of a command, its own among them, mean a campaign that is there."""
    known = Config().to_dict()
    try:
        config = Config.from_dict({name: v for name, v in given.items() if name in known})
    except ConfigError:  # nothing has come of it, of no campaign
        return False
    if config.campaign == "auto" and config.strategy == DEFAULT:
        config = config.replace(strategy=campaign.strategy)
    return config.name == campaign.name


def identified(
    given: Mapping[str, Any], store: Store, *, create: bool, of: Run | None = None
) -> Identified:
    """The campaign that parameters mean, with the strategy that `default` stands for.

    Args:
        create: whether it may be started where it is not there.
        of: the run of the cycle whose parameters hold; by default that of the one that is open.

    Raises:
        ConfigError: it is not there and not to be started, or runs with other parameters.
    """
    config, made = _named(Config.from_dict(given))
    run, stored = find(store, config.name)
    if run is not None and stored is not None:
        untyped: Mapping[str, Any] = {}
        if store.entry == "main" and config.campaign != "auto" and _says_all(given):
            given, untyped = _parted(given)
        if config.strategy == DEFAULT:
            config = config.replace(strategy=kind_named(stored.data.kind).strategy)
        if "strategy" in given:
            given = {**given, "strategy": config.strategy}
        on_record = recorded(store, run, of)
        first = stored.as_config()
        begun = with_changes(first, on_record.wanted, run.name)
        if given.get("metric") == measuring.AUTO:
            given = {**given, "metric": begun.metric}
        if given.get("encoder") in (encoding.AUTO, begun.encoder.partition("@")[0]):
            given = {**given, "encoder": begun.encoder}
        if stored.splits.answers is not None and given.get("validation") == "set":
            given = {**given, "validation": begun.validation}
        if given.get("cold_start") == DEFAULT:
            given = {**given, "cold_start": begun.cold_start}
        if "annotator" in given:
            people_take_over(begun, begun.replace(annotator=given["annotator"]))
        now = wanted = begun.resumed_with(stored.untyped(given))
        _tell_kept(wanted, untyped)
        if on_record.opened is not None:
            in_force = with_changes(first, on_record.opened[1], run.name)
            now = wanted.replace(**wanted.changes_of(in_force))
        same = made is not None and now.of_task == config.of_task
        return Identified(store, now, run, stored, made if same else None, wanted, on_record)
    if not create:
        raise ConfigError(unknown_campaign(store, config.name))
    if store.entry == "main":
        config, made = _named(Config.from_dict({**_defaults(), **given}))
    elif set(given) == {"campaign"}:  # a name alone is meant to be there, not to start another
        if run is not None:
            raise ConfigError(
                f"campaign {config.name!r} was stopped before it began: give the parameters that "
                "it was to have"
            )
        raise ConfigError(unknown_campaign(store, config.name))
    made = made or task_and_data(config)
    config = begun_with(config, *made)
    return Identified(store, config, run, stored, made, config)


def _says_all(given: Mapping[str, Any]) -> bool:
    """Whether all there is to give is given, as by `mlflow run`: nobody need have wished for it."""
    return (_defaults() or Config().to_dict()).keys() <= given.keys()


def _defaults() -> dict[str, str]:
    """What the MLproject here gives `main`."""
    return defaults_of("main", Path.cwd())


def _parted(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What somebody gave, and what are defaults of `main` here."""
    default = Config.from_dict(_defaults()).to_dict()
    same = Config.from_dict(given).to_dict()
    untyped = {name: same[name] for name in given if same[name] == default[name]}
    return {name: value for name, value in given.items() if name not in untyped}, untyped


def _tell_kept(config: Config, untyped: Mapping[str, Any]) -> None:
    """Say what a campaign keeps where another default was handed over, as that may be meant."""
    kept = {
        p.name: getattr(config, p.name)
        for p in fields(config)
        if (p.metadata["later"] or p.metadata["free"]) and untyped.get(p.name, DEFAULT) != DEFAULT
    }
    if other := [name for name, value in kept.items() if value != untyped[name]]:
        _log.info(
            f"campaign {config.name!r} keeps {', '.join(f'{n}={kept[n]}' for n in other)}: "
            f"mlflow run gives all defaults, so they count as not given; al main --campaign "
            f"{config.name} --NAME VALUE changes one"
        )


def begun_with(config: Config, task: Task, data: DataLoader, *, telling: bool = True) -> Config:
    """The configuration of a new campaign, with what `default` and `auto` stand for in it.

    Args:
        telling: say why metric and validation are what they are.

    Raises:
        DataError: the newest revision of an encoder has to be known and cannot be.
    """
    config = _with_metric(_settled(config, data), task, data, telling=telling)
    config = _with_encoder(_with_validation(config, data, telling=telling))
    return _with_first_query(config, data)


def _with_metric(config: Config, task: Task, data: DataLoader, *, telling: bool) -> Config:
    """The configuration of a new campaign with the metric that it keeps; its name stays."""
    metric, why = measuring.chosen(config, task, data)
    if telling and data.given() is not None:
        for line in measuring.lines(metric, why, data):
            _log.info(line)
    if config.metric != measuring.AUTO:
        return config
    return config.replace(campaign=config.name, model=config.model_name, metric=metric)


def _with_validation(config: Config, data: DataLoader, *, telling: bool) -> Config:
    """The configuration of a new campaign with what judges its models; its name stays."""
    found = validation_of(config, data)
    if found == config.validation:
        return config
    config = config.replace(campaign=config.name, model=config.model_name, validation=found)
    if telling and (line := folds_line(config, data)):
        _log.info(line)
    return config


def _with_first_query(config: Config, data: DataLoader) -> Config:
    """The configuration of a new campaign with the first query that it keeps; its name stays."""
    if config.cold_start != DEFAULT:
        return config
    encoded = _encodes(config) and config.encoder != encoding.NONE
    cold_start = "typiclust" if encoded else kind_of(data.spec).cold_start
    return config.replace(campaign=config.name, model=config.model_name, cold_start=cold_start)


def _encodes(config: Config) -> str:
    """What of the task's data an encoder can read; "" where none can."""
    task = tasks.get(config.task)
    return task.encodes(config.of_task) if hasattr(task, "encodes") else ""


def _with_encoder(config: Config) -> Config:
    """The configuration of a new campaign with the encoder that it keeps; its name stays.

    Raises:
        DataError: the newest revision of a model has to be known and cannot be.
    """
    takes = _encodes(config)
    if not takes:
        return config
    name = encoding.chosen(config.encoder, takes)
    if config.encoder == encoding.AUTO:
        _log.info(encoding.choice_line(name, takes))
    return config.replace(campaign=config.name, model=config.model_name, encoder=name)


def find(store: Store, name: str) -> tuple[Run | None, CampaignRecord | None]:
    """The campaign's run and what it was started with; a run alone was killed before that."""
    runs = store.find({"al.role": "campaign", "al.campaign": name})
    if not runs:
        return None, None
    if len(runs) > 1 and len(begun := [run for run in runs if run.has(NAME)]) > 1:
        ids = " and ".join(run.id for run in begun)  # one was deleted and restored
        raise StateError(f"runs {ids} are each campaign {name!r}: delete all but one of them")
    run = runs[0]
    if run.artifacts.names().isdisjoint((NAME, COPY)):
        return run, None
    try:
        return run, CampaignRecord.load(run)
    except LaterState:
        raise
    except StateError:
        if store.find({"al.role": "cycle", "al.campaign_run": run.id}):
            raise
        return run, None  # its end came while that was written


def task_and_data(config: Config) -> tuple[Task, DataLoader]:
    """What a configuration learns, and what from."""
    task: Task = make_task(config.task, config.of_task)
    return task, task.data()


def _named(config: Config) -> tuple[Config, tuple[Task, DataLoader] | None]:
    """A configuration whose name is known: an automatic one says the strategy."""
    if config.named:
        return config, None
    made = task_and_data(config)
    return _settled(config, made[1]), made


def _settled(config: Config, data: DataLoader) -> Config:
    """The configuration with the strategy of the data's kind, where it names none."""
    if config.strategy != DEFAULT:
        return config
    return config.replace(strategy=kind_of(data.spec).strategy)
