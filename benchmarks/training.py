"""Training as in a campaign, without its server; rows of results that outlive a kill."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from al.agents import Examples, Schedule, SupervisedAgent
from al.contracts import Criterion, DataLoader, Task
from al.graphs import TorchGraph
from al.model_selector import criterion
from al.randomness import seeded, torch_seed


class Best:
    """Keeps the best weights of a training, in memory, and nothing else: a Recorder."""

    def __init__(self, graph: TorchGraph, by: Criterion) -> None:
        self.graph, self.by = graph, by
        self.rank: list[float] = []

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        rank = self.by.rank(metrics)
        if not self.rank or rank > self.rank:
            self.rank = rank
            state = self.graph.network.state_dict()
            self.weights = {name: tensor.clone() for name, tensor in state.items()}

    def checkpoint(self, *_: Any) -> None:
        """The best epoch of all is kept already."""

    def resume_file(self) -> Path | None:
        return None


def trained(
    task: Task, data: DataLoader, train: Sequence[str], val: Sequence[str],
    *, epochs: int, patience: int, draw: tuple[int, int, int], **changes: Any,
) -> TorchGraph:  # fmt: skip
    """A new graph with the weights of its best epoch by accuracy on validation.

    Args:
        draw: (seed, cycle, candidate), as in a campaign.
        changes: attributes of the graph that are set before it is trained.
    """
    with seeded(torch_seed(*draw[:2], "init", draw[2])):
        graph = task.graph(data.spec)
    assert isinstance(graph, TorchGraph)
    for name, value in changes.items():
        setattr(graph, name, value)
    graph.prepare_training(lr=0.003, epochs=epochs)
    by = criterion("max:val/accuracy", [f"val/{metric}" for metric in graph.metrics])
    best = Best(graph, by)
    known, held = (Examples(tuple(ids), tuple(data.truth(ids))) for ids in (train, val))
    schedule = Schedule(epochs, patience, 1, 32, draw)
    SupervisedAgent(
        graph, data, train=known, val=held, schedule=schedule, criterion=by, recorder=best
    ).fit()
    graph.network.load_state_dict(best.weights)
    return graph


class Rows:
    """Results by key, a line of JSON each, kept as soon as they are there.

    Args:
        place: the file; what it holds already is not done again.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        lines = place.read_text().splitlines() if place.exists() else []
        self.found: dict[tuple[Any, ...], Any] = {}
        for line in lines:
            key, value = json.loads(line)
            self.found[tuple(key)] = value

    def keep(self, key: tuple[Any, ...], value: Any) -> None:
        self.found[key] = value
        self._place.parent.mkdir(parents=True, exist_ok=True)
        with self._place.open("a") as file:
            file.write(json.dumps([key, value]) + "\n")
