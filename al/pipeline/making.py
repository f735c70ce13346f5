"""What a campaign's models are made of and trained with: here, and by workers elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from al.agents import Agent, Examples, Schedule, SupervisedAgent
from al.config import Config
from al.contracts import Criterion, DataLoader, Graph, Recorder, Splits, Task
from al.errors import ConfigError, DataError, StrategyError
from al.kinds import kind_of
from al.model_selector import criterion
from al.pipeline.measuring import measure
from al.randomness import seeded, torch_seed
from al.strategies import build

_log = logging.getLogger(__name__)

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
        """Who trains a new graph, on these labels and the validation split.

        Args:
            recorder: None where nothing outlives the training.
            cycle, number: of the training in it; all its draws are named after them.
            start: the model whose weights it starts from, as `init` says.
        """
        config, draw = self.config, (self.config.seed, cycle, number)
        with seeded(torch_seed(config.seed, cycle, "init", number), self.device.type):
            graph = self.new_graph()
            if start is not None:
                keep, fresh = INIT[config.init]
                graph.start_from(start, keep=keep, fresh=fresh)
            if config.class_weights != "none":
                graph.weigh(kind_of(self.data.spec).balanced(train.labels))
            graph.prepare_training(lr=config.lr, epochs=config.epochs)
        val = self.data.ids("val")
        agent: Agent = (self.task.agent or SupervisedAgent)(
            graph,
            self.data,
            train=train,
            val=Examples(val, tuple(self.data.truth(val))),
            schedule=Schedule(
                epochs=config.epochs,
                patience=config.patience,
                checkpoints=checkpoints,
                batch_size=config.batch_size,
                draw=draw,
            ),
            criterion=self.criterion,
            recorder=recorder,
        )
        return agent


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
    gone = frozenset(data.missing((*splits.val, *splits.test)))
    if gone:
        tell_gone(sorted(gone), "validation or test", missing, tell=tell)
        splits = Splits(
            tuple(id for id in splits.val if id not in gone),
            tuple(id for id in splits.test if id not in gone),
        )
    for name, ids in {"validation": splits.val, "test": splits.test}.items():
        if not ids:
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
