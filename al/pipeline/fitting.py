"""What a campaign's parameters, task, data and models have to be for each other.

The campaign itself, a look at its data and an experiment all ask here; nothing is changed.
"""

from __future__ import annotations

from collections.abc import Collection

from al.catalog import annotators, engines
from al.config import Config
from al.contracts import Annotator, DataLoader, Engine, Graph, Task
from al.kinds import kind_of
from al.pipeline.asking import options_of
from al.pipeline.checks import (
    check_annotator,
    check_form,
    check_goals,
    check_sizes,
    check_stop_rules,
    check_task,
    check_times,
)
from al.pipeline.making import criterion_of
from al.pipeline.measuring import check_measured
from al.pipeline.stopping import StopRule, rules_of


def check_models(
    config: Config, task: Task, data: DataLoader, graph: Graph, asked: Collection[str]
) -> None:
    """Refuse models, goals and a criterion that do not suit the task.

    Args:
        asked: see `check_goals`.

    Raises:
        AlError: the first thing that does not.
    """
    check_task(config, task, data, graph)
    check_goals(config, task.metric, kind_of(data.spec), asked)
    criterion_of(config, task, graph)


def check_begin(config: Config, task: Task, data: DataLoader, graph: Graph) -> None:
    """Refuse splits that a new campaign cannot be measured on, and too small a pool.

    Raises:
        AlError: the first thing that is missing.
    """
    graph.check_kept()
    check_measured(task.metric, data)
    ids = data.ids("train")
    check_sizes(config, len(set(data.fingerprints(ids)) if config.copies == "once" else ids))


def annotator_of(config: Config, data: DataLoader, *, new: bool) -> Annotator:
    """Who answers, checked.

    Args:
        new: the campaign has not begun.

    Raises:
        AlError: it cannot answer about this data, or not in the way that was asked for.
    """
    asked = annotators.get(config.annotator)
    check_form(config, asked, kind_of(data.spec))
    annotator = asked(data, config.name, options_of(config, asked.options))
    annotator.new_classes = config.new_classes
    check_annotator(annotator, data, config, new=new)
    return annotator


def rules_for(config: Config, task: Task, data: DataLoader, *, lower: bool) -> tuple[StopRule, ...]:
    """When the campaign ends, checked.

    Args:
        lower: less of the metric is better.

    Raises:
        ConfigError: a rule cannot hold for this campaign.
    """
    check_times(config)
    rules = rules_of(config.stop)
    check_stop_rules(rules, config, data, task.metric, lower=lower)
    return rules


def engine_of(config: Config) -> Engine:
    """What the work runs on.

    Raises:
        AlError: there is no such engine, or it has no such option.
    """
    runs_on = engines.get(config.engine)
    return runs_on(options_of(config, runs_on.options, "engine"))
