"""Which metric a campaign counts by, and whether there is enough to measure it on."""

from __future__ import annotations

from collections import Counter

import numpy as np

from al.config import Config
from al.contracts import DataLoader, Graph, Task
from al.errors import ConfigError
from al.kinds import Kind, Trait, kind_of
from al.kinds.metrics import positive

#: The name that stands for the task's metric, or what suits the labels.
AUTO = "auto"
#: With fewer samples of a class in validation or test, figures say little of it.
FEW = 5
#: Classes that a line names.
_NAMED = 5


def chosen(config: Config, task: Task, data: DataLoader) -> tuple[str, str]:
    """The metric of a new campaign, and why, in words that follow a comma; "" where it was named.

    Where neither configuration nor task names one, the kind of problem looks at the labels that
    a user's own data brings along.
    """
    if config.metric != AUTO:
        return config.metric, ""
    if task.metric:
        return task.metric, ""
    return kind_of(data.spec).metric_for(list((data.given() or {}).values()))


def settle(config: Config, task: Task, data: DataLoader) -> None:
    """Let the task name the metric of its campaign. One that began before there was a choice
    goes on with that of its task or kind."""
    named = task.metric or kind_of(data.spec).metric
    task.metric = named if config.metric == AUTO else config.metric


def measure(config: Config, task: Task, graph: Graph) -> Graph:
    """The graph, which measures what the campaign counts by and elects by.

    Raises:
        UnknownName: the kind of problem has no metric of that name.
        ConfigError: this graph measures nothing but its own.
    """
    elected = config.criterion.rpartition(":val/")[2] if ":val/" in config.criterion else "loss"
    for name in (task.metric, elected):
        if name in graph.metrics:
            continue
        try:
            graph.measure([name])
        except NotImplementedError:
            raise ConfigError(
                f"metric {name!r}: models of task {config.task!r} measure "
                f"{', '.join(graph.metrics)}: choose one of them"
            ) from None
    return graph


def is_share(metric: str, kind: Kind) -> bool:
    """Whether the metric goes from 0 to 1."""
    known = kind.metrics.get(metric)
    return known is not None and (known.low, known.high) == (0.0, 1.0)


def is_mean(metric: str, kind: Kind) -> bool:
    """Whether the metric is a mean over samples, as far as the kind knows it."""
    known = kind.metrics.get(metric)
    return known is None or known.each is not None


def check_range(name: str, value: float, kind: Kind, metric: str) -> None:
    """Refuse a value that the metric never reaches.

    Raises:
        ConfigError: says what it may be.
    """
    known = kind.metrics.get(metric)
    if known is None or known.low <= value <= known.high:
        return
    if np.isinf(known.high):
        raise ConfigError(f"{name}={value:g}: {metric} is at least {known.low:g}: give more")
    meant = f"{name}={value / 100:g}" if 1 < value <= 100 else "a share"
    if known.low:
        meant = "one between"
    raise ConfigError(
        f"{name}={value:g}: {metric} goes from {known.low:g} to {known.high:g}: give {meant}"
    )


def check_measured(metric: str, data: DataLoader) -> None:
    """Refuse validation and test on which the metric has no value.

    Raises:
        ConfigError: says which, and what to do.
    """
    kind = kind_of(data.spec)
    known = kind.metrics.get(metric)
    if known is None or not known.varied or Trait.CLASSES not in kind.traits:
        return
    for split, part in (("val", "validation"), ("test", "test")):
        there = {str(label) for label in data.truth(data.ids(split))}  # type: ignore[arg-type]
        if len(there) == 1:
            raise ConfigError(
                f"{part} holds class {there.pop()!r} alone, and {metric} compares classes: put "
                "samples of others there (validation_size), or pass metric=accuracy"
            )


def lines(metric: str, why: str, data: DataLoader) -> list[str]:
    """Lines about the metric and what it is measured on, before a label is paid for.

    Args:
        why: as `chosen` says it.
    """
    kind = kind_of(data.spec)
    others = ", ".join(name for name in kind.metrics if name != metric)
    found = (
        [f"metric is {metric}{', ' * bool(why)}{why}; metric=… takes {others}"] if others else []
    )
    known = kind.metrics.get(metric)
    if known is not None and known.of_one and len(data.spec.classes) == 2:
        found.append(f"{metric} speaks of class {data.spec.classes[positive(data.spec)]!r}")
    return found


def few(data: DataLoader) -> list[str]:
    """A line for validation and for test where some classes have next to no samples there."""
    if Trait.CLASSES not in kind_of(data.spec).traits:
        return []
    found = []
    for split, part in (("val", "validation"), ("test", "test")):
        if not data.ids(split):  # type: ignore[arg-type]
            continue
        labels = data.truth(data.ids(split))  # type: ignore[arg-type]
        counts = Counter(dict.fromkeys(data.spec.classes, 0))
        counts.update(label for label in labels if label in counts)
        rare = sorted((count, name) for name, count in counts.items() if count < FEW)
        if rare:
            named = ", ".join(f"{name!r} {count}" for count, name in rare[:_NAMED])
            more = f" and {len(rare) - _NAMED} more" if len(rare) > _NAMED else ""
            fix = "raise validation_size" if split == "val" else "give the data more for test"
            found.append(
                f"{part} holds fewer than {FEW} of {len(labels)} samples of some classes "
                f"({named}{more}), so that its figures say little of them: {fix}"
            )
    return found
