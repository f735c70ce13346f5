"""Supervised training of a torch Graph by batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from al.agents.base import Agent
from al.agents.team import Team
from al.contracts import Batch, Label
from al.graphs import TorchGraph
from al.randomness import generator, seeded, torch_seed


class SupervisedAgent(Agent):
    """Shuffled batches of labelled samples, one optimizer step each.

    Each epoch draws from generators of its own, so an epoch comes out the same whether or
    not training was cut off before it; the caller's global generators are left alone.

    In a team each process takes a part of every batch, and draws masks of dropout of its own. The
    gradients are those of the whole batch; the first process says when an epoch begins, and hands
    over what its graph is before the first.
    """

    graph: TorchGraph
    _sent = False  # the team knows the graph

    @property
    def alone(self) -> str:
        if type(self).train is not SupervisedAgent.train:
            return "its agent has an epoch of its own"
        if self.folds:
            return "copies of it train in step, as validation=folds says"
        return self.graph.indivisible

    def join(self, team: Team) -> None:
        """Train with these processes.

        Raises:
            ConfigError: some would share a GPU.
        """
        team.check(self.graph.device)
        self.graph.optimizer.register_step_pre_hook(team.add_up)
        self.team = team

    def train(self, epoch: int) -> dict[str, float]:
        seed, cycle, candidate = self.schedule.draw
        shuffle = generator(seed, cycle, "shuffle", candidate, epoch)
        known = self.train_examples
        times = max(1, math.ceil(self.graph.epoch_samples / len(known.ids)))
        ids, labels = known.ids * times, known.labels * times
        size = self.graph.batch_size(self.schedule.batch_size, len(ids))
        team, own = self.team, tuple[int, ...]()
        if team is None:
            batches = self.data.batches(ids, labels, batch_size=size, shuffle=shuffle)
        else:
            if team.rank == 0:
                team.tell((epoch, None if self._sent else self.graph.state()))
                self._sent = True
            batches = self._parts(team, ids, labels, size, shuffle.permutation(len(ids)))
            own = (team.rank,) if team.rank else ()
        draw = torch_seed(seed, cycle, "dropout", candidate, epoch, *own)
        with seeded(draw, self.graph.device.type):
            losses = [(self.graph.train_batch(batch), len(batch.ids)) for batch in batches]
        if self.graph.scheduler is not None:
            self.graph.scheduler.step()
        total = sum(float(loss) * count for loss, count in losses)
        if team is not None:
            total = float(team.sum(torch.tensor(total, dtype=torch.float64)))
        return {"train/loss": total / len(ids)}

    def _parts(
        self, team: Team, ids: Sequence[str], labels: Sequence[Label], size: int, order: np.ndarray
    ) -> Iterator[Batch]:
        """This process's part of each batch; where that is nothing, it follows the others' step."""
        whole = [order[start : start + size] for start in range(0, len(order), size)]
        parts = [batch[team.rank :: team.size] for batch in whole]
        mine = np.concatenate(parts)
        batches = self.data.batches(
            [ids[i] for i in mine],
            [labels[i] for i in mine],
            batch_size=max(len(parts[0]), 1),  # only the last can be smaller
        )
        for batch, part in zip(whole, parts, strict=True):
            team.share = len(part) / len(batch)
            if len(part):
                yield next(batches)
            else:
                self.graph.optimizer.zero_grad(set_to_none=True)
                self.graph.optimizer.step()
