"""What torchrun starts in the tests of a team, in every process.

teammates.py gradients FOLDER    trains in float64, and leaves the gradients of each step there
teammates.py dying RANK EPOCH …  is `al …`; this process is killed in this epoch
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from al.agents import Examples, Schedule, SupervisedAgent, Team
from al.catalog import tasks
from al.commands import program
from al.graphs import ClassificationGraph
from al.model_selector import criterion
from al.randomness import seeded

#: Batch sizes by what they make of 33 samples: a last batch of 3, of 1, and all batches of 1.
SIZES = (10, 16, 1)


class Exact(ClassificationGraph):
    """In float64, without dropout."""

    def prepare(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.double() / 16.0


def exact_agent(batch_size: int, of: type[SupervisedAgent] = SupervisedAgent) -> SupervisedAgent:
    """Who trains it on 33 digits, with weighed classes and momentum."""
    data = tasks.get("digits")().data()
    data.freeze(data.propose_splits(60, seed=0))
    with seeded(4):
        trunk = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.Tanh())
        graph = Exact(trunk.double(), torch.nn.Linear(32, 10).double(), data.spec)
    graph.optimizer = torch.optim.SGD(graph.network.parameters(), 0.05, 0.9, weight_decay=0.01)
    ids, val = data.ids("train")[:33], data.ids("val")
    labels = tuple(data.truth(ids))
    graph.weigh(torch.linspace(0.5, 1.5, 10).numpy())
    return of(
        graph, data, train=Examples(ids, labels), val=Examples(val, tuple(data.truth(val))),
        schedule=Schedule(1, 1, 1, batch_size, (0, 1, 0)),
        criterion=criterion("max:val/accuracy", ["val/accuracy"]), recorder=None,
    )  # fmt: skip


def recorded(agent: SupervisedAgent) -> dict[str, Any]:
    """The gradients of each step of an epoch, and its loss."""
    steps: list[torch.Tensor] = []

    def keep(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        found = [p.grad for p in agent.graph.network.parameters()]
        steps.append(torch.cat([g.flatten() for g in found if g is not None]))

    hook = agent.graph.optimizer.register_step_post_hook(keep)
    loss = agent.train(1)["train/loss"]
    hook.remove()
    return {"steps": torch.stack(steps), "loss": loss}


def _gradients(folder: str) -> None:
    team = Team()
    for size in SIZES:
        agent = exact_agent(size)
        agent.join(team)
        if team.rank:
            _, state = team.receive()
            agent.graph.restore(state)
        torch.save(recorded(agent), Path(folder) / f"{size}-{team.rank}")


def _dying(rank: str, epoch: str, *command: str) -> None:
    from al.tracking import checkpoints

    checkpoints.FLUSH_SECONDS = 0.0  # each checkpoint is sent as it is made
    train, mine = SupervisedAgent.train, os.environ["RANK"]

    def dying(self: SupervisedAgent, number: int) -> dict[str, float]:
        if mine == rank and number == int(epoch):
            os.kill(os.getpid(), signal.SIGKILL)
        with open(f"epochs-{mine}.txt", "a") as file:
            file.write(f"{number}\n")
        return train(self, number)

    monkey = pytest.MonkeyPatch()
    monkey.setattr(SupervisedAgent, "train", dying)
    program(list(command))


if __name__ == "__main__":
    {"gradients": _gradients, "dying": _dying}[sys.argv[1]](*sys.argv[2:])
