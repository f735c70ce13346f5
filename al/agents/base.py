"""The generic training loop: epochs, validation, checkpoints, early stop, resume, progress."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al.agents.team import Team
from al.contracts import Criterion, DataLoader, Graph, Label, Recorder
from al.graphs import Crossed, load_tree, save_tree
from al.progress import bar
from al.scratch import scratch_folder


@dataclass(frozen=True)
class Examples:
    """Labelled samples, by id."""

    ids: tuple[str, ...]
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class Schedule:
    """How long to train, and with which seed.

    Attributes:
        draw: (seed, cycle, candidate) that every draw of the training is named after.
    """

    epochs: int
    patience: int
    checkpoints: int
    batch_size: int
    draw: tuple[int, int, int]


@dataclass(frozen=True)
class Kept:
    """A checkpoint in memory.

    Attributes:
        metrics: of its epoch, like {"val/accuracy": 0.9}.
        weights: as `Graph.put_back` takes them over.
        folds: the same of the copies that judge the labels.
    """

    epoch: int
    metrics: Mapping[str, float]
    weights: Any
    folds: Sequence[Any] = ()


class Agent(ABC):
    """Trains a Graph on a Data Loader; it receives both and builds neither.

    Every checkpoint holds the weights of the best epoch since the one before, so the best
    epoch of all is always among them, together with a file from which training goes on as
    if it had never stopped.

    Subclasses implement `train` and override hooks, not the loop.

    Args:
        val: labels that say how good each epoch is.
        folds: agents of copies, which train in step with this one, each on all parts of the
            labels but one; then `val` are the labels, judged by copies that have not seen them.
        part: of each label, by id; see `al.graphs.parted`.

    Attributes:
        team: the processes that train together; None for this one alone.
    """

    team: Team | None = None

    def __init__(
        self,
        graph: Graph,
        data: DataLoader,
        *,
        train: Examples,
        val: Examples,
        schedule: Schedule,
        criterion: Criterion,
        recorder: Recorder | None,
        folds: Sequence[Agent] = (),
        part: Mapping[str, int] | None = None,
    ) -> None:
        self.graph = graph
        self.data = data
        self.train_examples = train
        self.val_examples = val
        self.schedule = schedule
        self.criterion = criterion
        self.recorder = recorder
        self.folds = tuple(folds)
        self.crossed = Crossed([fold.graph for fold in folds], part or {}) if folds else None
        self.kept: list[Kept] = []
        self.epoch = 0
        self.best: list[float] = []  # rank of the best epoch so far
        self.stale = 0  # epochs since

    @abstractmethod
    def train(self, epoch: int) -> dict[str, float]:
        """One epoch of training; returns its figures, like {"train/loss": 0.3}."""

    def eval(self) -> dict[str, float]:
        """The figures of the graph as it stands on validation, like {"val/accuracy": 0.9}."""
        known = self.val_examples
        if self.crossed is not None:
            found = self.crossed.evaluate(self.data, known.ids, known.labels)
        else:
            batches = self.data.batches(known.ids, known.labels, batch_size=512)
            found = self.graph.evaluate(batches)
        return {f"val/{name}": value for name, value in found.items()}

    @property
    def alone(self) -> str:
        """Why several processes cannot train together, as a clause; "" where they can."""
        return "what trains it does not go by batches"

    def on_epoch_end(self, metrics: Mapping[str, float]) -> None:
        """Hook: after each epoch, before checkpoints."""

    def fit(self) -> None:
        """Train until the epochs are used up or patience is."""
        schedule = self.schedule
        every = math.ceil(schedule.epochs / schedule.checkpoints)
        self.resume()
        with self._scratch() as folder, self._bar() as progress:
            self._segment_best: list[float] = []
            while self.epoch < schedule.epochs and self.stale < schedule.patience:
                self.epoch += 1
                metrics = self.train(self.epoch)
                for fold in self.folds:
                    fold.train(self.epoch)
                metrics |= self.eval()
                if self.recorder is not None:
                    self.recorder.log(self.epoch, metrics)
                self._rank(metrics)
                self.on_epoch_end(metrics)
                progress.update()
                progress.set_postfix_str(f"{self.criterion.metric} {self._shown(metrics)}")
                ended = self.epoch == schedule.epochs or self.stale >= schedule.patience
                if ended or self.epoch % every == 0:
                    self.checkpoint(Path(folder))

    # -- the parts of the loop -----------------------------------------------------------

    def _rank(self, metrics: Mapping[str, float]) -> None:
        """Keep the weights if they are the best since the last checkpoint; count patience.

        In memory, as most of them are soon replaced by better ones.
        """
        rank = self.criterion.rank(metrics)
        if not self._segment_best or rank > self._segment_best:
            self._segment_best = rank
            self._segment = (self.epoch, dict(metrics))
            self._weights = [graph.snapshot() for graph in self._graphs]
        if not self.best or rank > self.best:
            self.best, self.stale = rank, 0
        else:
            self.stale += 1

    def checkpoint(self, folder: Path) -> None:
        """Hand the best weights since the last checkpoint, and all state, to the recorder."""
        best_epoch, metrics = self._segment
        self._segment_best = []
        if self.recorder is None:
            self.kept.append(Kept(best_epoch, metrics, self._weights[0], self._weights[1:]))
            return
        with ExitStack() as stack:
            if best_epoch != self.epoch:
                for graph, weights in zip(self._graphs, self._weights, strict=True):
                    stack.enter_context(_at(graph, weights))
            self.graph.save_weights(folder / "weights")
            if self.crossed is not None:
                self.crossed.save(folder / "weights")
        state = {
            "graph": self.graph.state(),
            **{_of(number): fold.graph.state() for number, fold in enumerate(self.folds)},
            "epoch": self.epoch,
            "best": self.best,
            "stale": self.stale,
        }
        save_tree(state, folder / "resume.safetensors")
        self.recorder.checkpoint(
            self.epoch, best_epoch, metrics, folder / "weights", folder / "resume.safetensors"
        )

    @property
    def _graphs(self) -> tuple[Graph, ...]:
        """The graph and its copies."""
        return (self.graph, *(fold.graph for fold in self.folds))

    def resume(self) -> None:
        """Go on from the last whole checkpoint, if there is one."""
        path = None if self.recorder is None else self.recorder.resume_file()
        if path is not None:
            state = load_tree(path)
            self.graph.restore(state["graph"])
            for number, fold in enumerate(self.folds):
                fold.graph.restore(state[_of(number)])
            self.epoch, self.best, self.stale = state["epoch"], state["best"], state["stale"]

    def _scratch(self) -> AbstractContextManager[str]:
        """A folder for the time of the training, where it leaves files."""
        return nullcontext("") if self.recorder is None else scratch_folder()

    def _bar(self) -> Any:
        number = self.schedule.draw[2]
        return bar(
            desc=f"train {number}", total=self.schedule.epochs, initial=self.epoch, unit="epoch"
        )

    def _shown(self, metrics: Mapping[str, float]) -> str:
        value = metrics.get(self.criterion.metric)
        return "" if value is None else f"{value:.3f}"


@contextmanager
def _at(graph: Graph, weights: Any) -> Iterator[None]:
    """While open, the graph has these weights of its own."""
    now = graph.snapshot()
    graph.put_back(weights)
    try:
        yield
    finally:
        graph.put_back(now)


def _of(fold: int) -> str:
    """Name of a copy's state."""
    return f"fold{fold}"
