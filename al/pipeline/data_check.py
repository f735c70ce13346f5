"""What a task would do with data, reported before a label is paid for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from al.config import Config
from al.contracts import DataLoader, Label, Split, Splits, Task
from al.data import encoding
from al.data.near_copies import near_copies
from al.kinds import Kind, kind_of
from al.pipeline import measuring
from al.pipeline.checks import check_names, check_splits
from al.pipeline.fitting import annotator_of, check_begin, check_models, engine_of, rules_for
from al.pipeline.held_out import folds_line, lines, proposed, validation_of
from al.pipeline.identifying import begun_with, task_and_data
from al.pipeline.making import device_named, freeze, new_graph
from al.pipeline.notices import address

#: Classes that a line names.
NAMED = 20
SPLITS: tuple[Split, ...] = ("train", "val", "test")
#: Samples that are embedded for this at most: a minute or two on one core.
EMBEDDED = 5_000


def data_lines(given: Mapping[str, Any]) -> Iterator[str]:
    """What the task takes, leaves out and finds odd, and its splits with their classes.

    Args:
        given: parameters as the user gave them.

    Raises:
        AlError: what a campaign with these parameters would stop with before its first cycle,
            once all that could be found out has been yielded.
    """
    config = Config.from_dict(given)
    check_names(config)
    device_named(config.device)
    task, data = task_and_data(config)
    measured = measuring.lines(*measuring.chosen(config, task, data), data)
    yield f"task {config.task}: labels are {kind_of(data.spec).labels_are}"
    yield from data.summary()
    yield from (f"! {line}" for line in data.oddities())
    wanted, config = config, config.replace(validation=validation_of(config, data))
    splits = proposed(config, data)
    check_splits(config, splits)
    freeze(data, splits, config.missing, tell=False)
    yield from lines(splits, config)
    if config.validation != wanted.validation and (line := folds_line(config, data)):
        yield line
    yield from measured
    for split in (split for split in SPLITS if data.ids(split)):
        yield from _split(data, split)
    yield from (f"! {line}" for line in measuring.few(data))
    yield from _copies(data)
    _check(begun_with(config, task, data, telling=False), task, data)
    yield from _near_copies(data, splits)


def _check(config: Config, task: Task, data: DataLoader) -> None:
    """Refuse what a new campaign is refused for.

    Raises:
        AlError: the first reason.
    """
    measuring.settle(config, task, data)
    graph = new_graph(task, data, config)
    check_models(config, task, data, graph, config.to_dict())
    check_begin(config, task, data, graph)
    annotator_of(config, data, new=True)
    rules_for(config, task, data, lower=task.metric in graph.lower)
    engine_of(config)
    address(config.notify)


def _split(data: DataLoader, split: Split) -> list[str]:
    ids = data.ids(split)
    given = data.given()
    known = ids if given is None or split != "train" else [id for id in ids if id in given]
    line = f"{split}: {len(ids)} samples"
    if len(known) < len(ids):
        line += f", {len(known)} of them labelled"
    return [f"{line}; {_held(kind_of(data.spec), data.truth(known))}" if known else line]


def _held(kind: Kind, labels: Sequence[Label]) -> str:
    """What labels there are: classes and how often, or the range of numbers."""
    if all(isinstance(label, int | float) and not isinstance(label, bool) for label in labels):
        low, middle, high = np.quantile(np.array(labels, float), [0, 0.5, 1])
        return f"{low:g} to {high:g}, half below {middle:g}"
    counts = Counter(name for label in labels for name in kind.names(label))
    order = sorted(counts, key=lambda name: (-counts[name], name))
    named = [f"{name!r} {counts[name]}" for name in order[:NAMED]]
    more = f" and {len(counts) - NAMED} classes more" if len(counts) > NAMED else ""
    return f"{', '.join(named)}{more}" if named else f"{len(labels)} labels"


def _copies(data: DataLoader) -> list[str]:
    marks = Counter(mark for split in SPLITS for mark in data.fingerprints(data.ids(split)))
    more = sum(marks.values()) - len(marks)
    if not more:
        return []
    return [f"{more} samples are exact copies of others" if more > 1 else
            "1 sample is an exact copy of another"]  # fmt: skip


def _near_copies(data: DataLoader, splits: Splits) -> list[str]:
    """What is held out and nearly is a training sample; no campaign pays twice for the vectors."""
    if encoding.DETAIL not in data.spec.details:
        return []
    count = sum(len(data.ids(split)) for split in SPLITS)
    if count > EMBEDDED:
        return [
            f"near copies across splits are looked for when a campaign starts, as {count} samples "
            "are to be embedded for it"
        ]
    found = near_copies(data, splits)
    return [f"! {found.line()}"] if found is not None and found.pairs else []
