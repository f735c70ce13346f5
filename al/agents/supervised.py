"""Supervised training of a torch Graph by batches."""

from __future__ import annotations

import math

from al.agents.base import Agent
from al.graphs import TorchGraph
from al.randomness import generator, seeded, torch_seed


class SupervisedAgent(Agent):
    """Shuffled batches of labelled samples, one optimizer step each.

    Each epoch draws from generators of its own, so an epoch comes out the same whether or
    not training was cut off before it; the caller's global generators are left alone.
    """

    graph: TorchGraph

    def train(self, epoch: int) -> dict[str, float]:
        seed, cycle, candidate = self.schedule.draw
        shuffle = generator(seed, cycle, "shuffle", candidate, epoch)
        known = self.train_examples
        times = max(1, math.ceil(self.graph.epoch_samples / len(known.ids)))
        ids = known.ids * times
        batches = self.data.batches(
            ids,
            known.labels * times,
            batch_size=self.graph.batch_size(self.schedule.batch_size, len(ids)),
            shuffle=shuffle,
        )
        with seeded(torch_seed(seed, cycle, "dropout", candidate, epoch), self.graph.device.type):
            losses = [(self.graph.train_batch(batch), len(batch.ids)) for batch in batches]
        if self.graph.scheduler is not None:
            self.graph.scheduler.step()
        total = sum(float(loss) * count for loss, count in losses)
        return {"train/loss": total / len(ids)}
