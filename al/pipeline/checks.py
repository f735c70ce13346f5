"""What is refused before a campaign starts or goes on; nothing here changes anything."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from al.agents import Agent
from al.catalog import annotators, engines, tasks
from al.config import DEFAULT, Config
from al.contracts import Annotator, DataLoader, Graph, Splits, Task
from al.errors import ConfigError, DataError, UnknownName
from al.kinds import Kind, Trait, kind_of
from al.pipeline.measuring import check_range
from al.pipeline.spans import span_or_off
from al.pipeline.stopping import Standing, StopRule, rules_of
from al.strategies import build, check_kind, check_reads


def check_names(config: Config) -> None:
    """Look every name up, so that what cannot run is refused before anything starts.

    Raises:
        UnknownName: the first name that no catalog knows.
        ConfigError: a strategy's text is not well formed.
        StrategyError: a strategy needs what this campaign never has.
    """
    tasks.get(config.task)
    if "none" in (config.strategy, config.cold_start):
        raise UnknownName("'none' is not a strategy: only baseline can be none")
    if config.baseline == "off":
        raise UnknownName("unknown strategy 'off': write baseline=none for no campaign beside it")
    for name in ({config.strategy} - {DEFAULT}) | ({config.baseline} - {"none"}):
        check_reads(build(name), candidates=config.candidates, has_model=True)
    if config.cold_start != DEFAULT:
        check_reads(build(config.cold_start), candidates=config.candidates, has_model=False)
    annotators.get(config.annotator)
    rules_of(config.stop)
    engines.get(config.engine)


def check_task(config: Config, task: Task, data: DataLoader, graph: Graph) -> None:
    """Refuse what the task's kind of problem, or its models, cannot do.

    Raises:
        ConfigError, StrategyError: the first thing that they cannot.
    """
    _check_start(task, data, config)
    kind = kind_of(data.spec)
    check_strategies(config, kind, graph)
    if config.by_folds:
        _check_folds(config, task, graph)
    if config.class_weights != "none":
        _check_weights(config, task, kind, data)
    if config.calibrate == "on" and not graph.calibrates:
        raise ConfigError(
            f"calibrate=on: models of task {config.task!r} have no probabilities to scale: "
            "leave it off"
        )
    if config.precision != "float32" and not hasattr(graph, "network"):
        raise ConfigError(
            f"precision={config.precision}: models of task {config.task!r} are not networks: "
            "leave it at float32"
        )


def _check_folds(config: Config, task: Task, graph: Graph) -> None:
    """Refuse folds where copies of a model cannot judge its labels.

    Raises:
        ConfigError: says why.
    """
    agent = task.agent or Agent
    own = ("fit", "eval", "resume", "checkpoint", "_rank")
    if not (isinstance(agent, type) and issubclass(agent, Agent)) or any(
        getattr(agent, name) is not getattr(Agent, name) for name in own
    ):
        raise ConfigError(
            f"validation=folds: task {config.task!r} has a training loop of its own, which trains "
            "no copies: leave it at set"
        )
    if config.init != "scratch":
        raise ConfigError(
            f"validation=folds: init={config.init} begins with weights that have learned the "
            "labels which copies are to judge: leave one of the two out"
        )
    if config.calibrate == "on" and type(graph).logits is Graph.logits and graph.calibrates:
        raise ConfigError(
            f"validation=folds: models of task {config.task!r} have no `logits`, so that copies "
            "cannot be calibrated together: leave calibrate off, or validation at set"
        )


def check_splits(config: Config, splits: Splits) -> None:
    """Refuse splits that do not go with what models are judged by.

    Raises:
        ConfigError: says what to change.
    """
    if config.by_folds and splits.val:
        raise ConfigError(
            f"validation=folds puts no samples aside, and the data does {len(splits.val)}: give "
            "them the split train, or leave validation at set"
        )
    if not config.by_folds and not splits.val:
        raise ConfigError(
            f"campaign {config.labels_from!r} has put no samples aside for validation: pass "
            "validation=folds as it did"
        )


def check_goals(config: Config, metric: str, kind: Kind, asked: Collection[str]) -> None:
    """Refuse a KPI and a goal that the metric never reaches.

    Args:
        asked: parameters to check; those of a campaign that runs with them are left.

    Raises:
        ConfigError: says what it may be.
    """
    for name, value in {"kpi": config.kpi_value, "goal": config.goal_value}.items():
        if value is not None and name in asked:
            check_range(name, value, kind, metric)


def check_change(begun: Config, wanted: Config) -> None:
    """Refuse a change after which the campaign's models do not fit.

    Raises:
        ConfigError: models learn to predict their losses, or not, from the first cycle on.
    """
    before, after = ("losses" in build(config.strategy).reads for config in (begun, wanted))
    if before != after:
        does = "predict" if before else "do not predict"
        raise ConfigError(
            f"strategy={wanted.strategy}: models of campaign {begun.name!r} {does} their losses, "
            f"which cannot change: fork it, by another campaign name with "
            f"strategy={wanted.strategy} and labels_from={begun.name}"
        )


def check_times(config: Config) -> None:
    """Refuse times that are none.

    Raises:
        ConfigError: says what one looks like.
    """
    for name in ("answers_within", "wait"):
        span_or_off(getattr(config, name), name)


def check_stop_rules(
    rules: Sequence[StopRule], config: Config, data: DataLoader, metric: str, *, lower: bool
) -> None:
    """Refuse rules that cannot be, by asking them where nothing is on record.

    Raises:
        ConfigError: says what to change.
    """
    now, sizes = time.time(), (len(data.ids("train")), len(data.ids("val")))
    traits = kind_of(data.spec).traits
    start = Standing(config, (), *sizes, now, now, metric, lower, traits)
    for rule in rules:
        rule.check(start)


def check_strategies(config: Config, kind: Kind, graph: Graph) -> None:
    """Refuse what has no meaning for the task's kind of problem, or its models cannot answer.

    Raises:
        StrategyError: a strategy has none, or reads samples where there are none.
        ConfigError: balance has none.
    """
    for name in {config.strategy, config.baseline, config.cold_start} - {"none"}:
        check_kind(build(name), kind.spec.kind)
        if "samples" in build(name).reads:
            graph.check_samples()
    if config.balance == "on" and Trait.CLASSES not in kind.traits:
        raise ConfigError("balance=on evens out classes and this task has none: leave it off")
    if config.audit_by == "doubt" and Trait.CLASSES not in kind.traits:
        raise ConfigError(
            "audit_by=doubt reads probabilities of classes and this task has none: "
            "leave it at uniform"
        )


def _check_weights(config: Config, task: Task, kind: Kind, data: DataLoader) -> None:
    """Refuse weights of classes where there are no classes, or the model cannot be weighed.

    Raises:
        ConfigError: says which.
    """
    try:
        weights = kind.balanced(data.truth(data.ids("test")[:1]))
    except NotImplementedError:
        raise ConfigError(
            f"class_weights={config.class_weights}: labels are {kind.labels_are}, in which no "
            "class is evened out: leave it out"
        ) from None
    try:
        task.graph(data.spec).weigh(weights)
    except NotImplementedError:
        raise ConfigError(
            f"class_weights={config.class_weights}: what task {config.task!r} trains takes no "
            "weights: choose another estimator, give its graph `losses`, or leave it out"
        ) from None


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


def check_form(config: Config, annotator: type[Annotator], kind: Kind) -> None:
    """Refuse an annotator that cannot take answers in the form that the kind of problem has.

    Raises:
        ConfigError: names those that can.
    """

    def takes(found: type[Annotator]) -> bool:
        return found.forms is None or kind.form in found.forms

    if not takes(annotator):
        able = [name for name in annotators.names() if takes(annotators.get(name))]
        raise ConfigError(
            f"annotator {config.annotator!r} takes no {kind.form}, which answers are where labels "
            f"are {kind.labels_are}: use annotator={' or '.join(able)}"
        )


def check_annotator(annotator: Annotator, data: DataLoader, config: Config, *, new: bool) -> None:
    """Refuse an annotator that answers with the data's labels where the data has none, one with
    nothing to ask people about, and one that cannot do what is asked of it.

    Args:
        new: the campaign has not begun.

    Raises:
        ConfigError: says who can be asked instead.
    """
    given = data.given() if new else None
    if annotator.is_simulated and given == {}:
        raise ConfigError(
            f"annotator={config.annotator} answers with the data's own labels, and no training "
            "sample has one: pass annotator=files, page or label-studio"
        )
    if not annotator.is_simulated and given and len(given) == len(data.ids("train")):
        raise ConfigError(
            f"annotator={config.annotator} asks about samples without a label, and all "
            f"{len(given)} training samples have one: add others, or pass annotator=oracle to try "
            "strategies on these labels"
        )
    if config.second_opinions and not annotator.asks_again:
        raise ConfigError(
            f"second_opinions={config.second_opinions:g}: annotator {config.annotator!r} asks "
            "about a sample once only: leave it at 0"
        )


def check_same(data: DataLoader, known: Mapping[str, str], config: Config) -> None:
    """Refuse data other than that which the campaign was started on, wherever it lies now.

    Args:
        known: fingerprints of some samples, as they were then.

    Raises:
        DataError: says which sample is another.
    """
    gone = frozenset(data.missing(list(known)))
    ids = [id for id in known if id not in gone]
    found = zip(ids, data.fingerprints(ids), strict=True)
    if other := [id for id, mark in found if mark != known[id]]:
        raise DataError(
            f"{len(other)} of {len(ids)} samples are not what they were when campaign "
            f"{config.name!r} began, {other[0]!r} first: restore them, or pass another campaign "
            "name for a new one"
        )


def check_sizes(config: Config, pool: int) -> None:
    """Refuse queries that are larger than the pool.

    Raises:
        ConfigError: says how large it is.
    """
    for name in ("initial_size", "query_size"):
        size = getattr(config, name)
        if size > pool:
            raise ConfigError(f"{name}={size} is more than the pool of {pool}: give less")
