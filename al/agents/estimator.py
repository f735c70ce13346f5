"""Training that is done in one go: a scikit-learn estimator is fitted, there are no epochs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from al.agents.base import Agent
from al.graphs import EstimatorGraph
from al.randomness import torch_seed


class EstimatorAgent(Agent):
    """The loop of the superclass, with one epoch in which everything is learned."""

    graph: EstimatorGraph

    def __init__(self, *args: Any, **parts: Any) -> None:
        super().__init__(*args, **parts)
        self.schedule = replace(self.schedule, epochs=1, checkpoints=1)

    def train(self, epoch: int) -> dict[str, float]:
        seed, cycle, candidate = self.schedule.draw
        ids, labels = self.train_examples.ids, self.train_examples.labels
        batches = list(self.data.batches(ids, labels, batch_size=4096))
        inputs = np.concatenate([np.asarray(batch.inputs) for batch in batches])
        targets = np.concatenate([np.asarray(batch.targets) for batch in batches])
        self.graph.fit(inputs, targets, torch_seed(seed, cycle, "fit", candidate))
        return {"train/loss": self.graph.evaluate(batches)["loss"]}
