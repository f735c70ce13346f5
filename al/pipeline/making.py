"""What a campaign's models are made of and trained with: here, and by workers elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from al.agents import Agent, Examples, Schedule, SupervisedAgent
from al.config import Config
from al.contracts import Criterion, DataLoader, Graph, Recorder, Splits, Task
from al.errors import ConfigError, DataError, StrategyError
from al.graphs import FOLDS, parted
from al.kinds import Trait, kind_of
from al.model_selector import criterion
from al.pipeline.measuring import measure
from al.randomness import seeded, torch_seed
from al.strategies import build

_log = logging.getLogger(__name__)

#: Labels below which a line says that validation by folds tells little: two a fold.
FEW = 2 * FOLDS
#: Shares of the champion's weights and of fresh random ones that a training starts from.
INIT = {"champion": (1.0, 0.0), "shrink-perturb": (0.5, 0.1)}


@dataclass(frozen=True)
class Makings:
    """What models of a campaign are made of.

    Attributes:
        data: as the campaign sees it now.
        criterion: which of a training's epochs is the best.
    """

    config: Config
    task: Task
    data: DataLoader
    criterion: Criterion
    device: torch.device

    def new_graph(self) -> Graph:
        """A graph of the task with random weights, on the device."""
        return new_graph(self.task, self.data, self.config).to(self.device)

    def agent(
        self,
        train: Examples,
        recorder: Recorder | None,
        *,
        cycle: int,
        number: int,
        checkpoints: int,
        start: Graph | None = None,
    ) -> Agent:
        """Who trains a new graph on these labels, judged by the validation split or by folds.

        A copy of a fold begins with the same weights and draws as the graph itself.

        Args:
            recorder: None where nothing outlives the training.
            cycle, number: of the training in it; all its draws are named after them.
            start: the model whose weights it starts from, as `init` says.
        """
        config = self.config
        schedule = Schedule(
            epochs=config.epochs,
            patience=config.patience,
            checkpoints=checkpoints,
            batch_size=config.batch_size,
            draw=(config.seed, cycle, number),
        )
        of = partial(
            self.task.agent or SupervisedAgent,
            data=self.data,
            schedule=schedule,
            criterion=self.criterion,
        )

        def made(train: Examples, val: Examples, recorder: Recorder | None, **folds: Any) -> Agent:
            graph = self._begun(train, schedule, start)
            agent: Agent = of(graph, train=train, val=val, recorder=recorder, **folds)
            return agent

        if not config.by_folds:
            val = self.data.ids("val")
            return made(train, Examples(val, tuple(self.data.truth(val))), recorder)
        part = self._parted(train)
        folds = []
        for fold in sorted(set(part.values())):
            inside, outside = (_some(train, part, fold, own=own) for own in (False, True))
            folds.append(made(inside, outside, None))
        return made(train, train, recorder, folds=folds, part=part)

    def _begun(self, train: Examples, schedule: Schedule, start: Graph | None) -> Graph:
        """A new graph, ready to be trained on these labels."""
        config, (seed, cycle, number) = self.config, schedule.draw
        with seeded(torch_seed(seed, cycle, "init", number), self.device.type):
            graph = self.new_graph()
            if start is not None:
                keep, fresh = INIT[config.init]
                graph.start_from(start, keep=keep, fresh=fresh)
            if config.class_weights != "none":
                graph.weigh(kind_of(self.data.spec).balanced(train.labels))
            graph.prepare_training(lr=config.rate, epochs=config.epochs)
        return graph

    def _parted(self, train: Examples) -> dict[str, int]:
        """The part of each label where the labels themselves judge the model."""
        contents = self.data.fingerprints(train.ids)
        of_classes = Trait.CLASSES in kind_of(self.data.spec).traits
        classes = train.labels if of_classes else [""] * len(train.ids)
        count = len(set(contents))
        if count == 1:
            _log.warning("1 label judges the model that has learned it: answer more")
        elif count < FEW:
            _log.warning(
                f"{count} labels are few to judge a model by: its validation figures say little "
                f"before there are {FEW}"
            )
        return parted(train.ids, contents, classes, self.config.seed)


def _some(train: Examples, part: Mapping[str, int], fold: int, *, own: bool) -> Examples:
    """The labels of a part, or of all others."""
    pairs = zip(train.ids, train.labels, strict=True)
    some = [(id, label) for id, label in pairs if (part[id] == fold) is own]
    return Examples(tuple(id for id, _ in some), tuple(label for _, label in some))


def new_graph(task: Task, data: DataLoader, config: Config) -> Graph:
    """A graph with random weights, with all that will be measured and read of it.

    Raises:
        StrategyError: it reads losses, and this graph cannot learn to predict them.
    """
    graph = measure(config, task, task.graph(data.spec))
    if "losses" in build(config.strategy).reads:
        try:
            graph.learn_losses()
        except NotImplementedError:
            raise StrategyError(
                f"strategy={config.strategy} reads the model's losses, which task "
                f"{config.task!r} cannot predict: choose another strategy"
            ) from None
    return graph


def freeze(data: DataLoader, splits: Splits, missing: str, *, tell: bool = True) -> None:
    """Use the campaign's splits; those of their samples that have vanished are reported or dropped.

    Raises:
        DataError: samples have vanished, and `missing` is stop; or none is left to measure on.
    """
    by_folds = not splits.val
    gone = frozenset(data.missing((*splits.val, *splits.test)))
    if gone:
        tell_gone(sorted(gone), "validation or test", missing, tell=tell)
        splits = replace(
            splits,
            val=tuple(id for id in splits.val if id not in gone),
            test=tuple(id for id in splits.test if id not in gone),
        )
    known = splits if splits.answers else replace(splits, answers=None)  # none: it is too early
    for name, ids in {"validation": known.known("val"), "test": known.known("test")}.items():
        if not ids and not (by_folds and name == "validation"):
            more = "restore some" if gone else "give the data some"
            raise DataError(f"no {name} sample is there, so that nothing can be measured: {more}")
    data.freeze(splits)


def tell_gone(gone: Sequence[str], what: str, missing: str, *, tell: bool) -> None:
    """Say that samples have vanished, first of all the first of them.

    Raises:
        DataError: `missing` is stop.
    """
    line = f"{len(gone)} {what} samples have vanished from the data, {gone[0]!r} first"
    if missing == "stop":
        raise DataError(f"{line}: restore them, or pass missing=drop to go on without them")
    if tell:
        _log.warning(f"{line}: going on without them, as missing=drop says")


def criterion_of(config: Config, task: Task, graph: Graph) -> Criterion:
    """The criterion that the configuration names; `auto` is the task's metric on validation.

    Raises:
        ConfigError, UnknownName: there is no such criterion, or no such metric.
    """
    auto = f"{'min' if task.metric in graph.lower else 'max'}:val/{task.metric}"
    names = [f"val/{metric}" for metric in graph.metrics]
    return criterion(auto if config.criterion == "auto" else config.criterion, names)


def device_named(name: str) -> torch.device:
    """Where models run.

    Raises:
        ConfigError: it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise ConfigError(f"device={name!r} cannot be used ({reason}): give cpu or auto") from error
    return device
