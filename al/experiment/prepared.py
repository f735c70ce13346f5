"""What trials are made of: the task, its data, and what has to hold before one starts."""

from __future__ import annotations

import json
from functools import lru_cache

import torch

from al.catalog import make_task
from al.config import Config
from al.contracts import DataLoader, Task
from al.errors import AlError
from al.experiment.plan import Job
from al.experiment.trial import Point, run_trial
from al.pipeline.checks import check_names, check_splits, check_task
from al.pipeline.fitting import check_begin
from al.pipeline.identifying import begun_with
from al.pipeline.making import Makings, criterion_of, device_named, freeze, new_graph
from al.pipeline.measuring import settle
from al.progress import hide

#: Data sets that a process holds at once: the trials of a seed go through all of them.
DATA_SETS = 8


def task_of(config: Config) -> tuple[Task, DataLoader]:
    """The task of a configuration and its data, made once for all trials in a process."""
    return _made(config.task, json.dumps(config.of_task, sort_keys=True))


@lru_cache(maxsize=DATA_SETS)
def _made(name: str, parameters: str) -> tuple[Task, DataLoader]:
    task: Task = make_task(name, json.loads(parameters))
    return task, task.data()


def look_again() -> None:
    """See the data as it is now: a notebook lives longer than a file stays as it was."""
    _made.cache_clear()


def settled(config: Config, *, telling: bool = True) -> Config:
    """The configuration of a trial with what `default` and `auto` stand for, as a campaign's.

    Args:
        telling: say why the metric is what it is.

    Raises:
        AlError: such a campaign would be refused.
    """
    check_names(config)
    config = begun_with(config, *task_of(config), telling=telling)
    config = config.replace(campaign="trial", model="trial")
    makings = makings_of(config)
    task, data = makings.task, makings.data
    graph = new_graph(task, data, config)
    check_task(config, task, data, graph)
    check_begin(config, task, data, graph)
    return config


def makings_of(config: Config) -> Makings:
    """What a trial's models are made of, on the splits of its seed."""
    task, data = task_of(config)
    settle(config, task, data)
    splits = data.propose_splits(config.put_aside, config.seed)
    check_splits(config, splits)
    freeze(data, splits, config.missing)
    criterion = criterion_of(config, task, new_graph(task, data, config))
    return Makings(config, task, data, criterion, device_named(config.device))


# -- in the worker's process -------------------------------------------------------------------


def alone() -> None:
    """A worker has one thread, so that as many run as there are cores, and a trial comes out the
    same however many do."""
    torch.set_num_threads(1)
    hide()


def tried(_: None, job: Job) -> list[Point]:
    """The curve of a trial.

    Raises:
        AlError: it failed; the message says which.
    """
    try:
        return run_trial(makings_of(job.config))
    except AlError as error:
        raise type(error)(f"{job}: {error}") from error
