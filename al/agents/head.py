"""Fitting a linear head on the vectors of an encoder, in one go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from al.agents.base import Agent
from al.graphs import TorchGraph, fit_head, fit_losses
from al.randomness import generator, torch_seed


class HeadAgent(Agent):
    """The loop of the superclass, with one epoch in which the optimum is found.

    The first candidate counts each label once. As there is one optimum, the others would be
    copies of it: they weigh the labels by a Bayesian bootstrap, w ~ N · Dirichlet(1, …, 1)
    (Rubin 1981), so that together they are a committee.
    """

    graph: TorchGraph

    def __init__(self, *args: Any, **parts: Any) -> None:
        super().__init__(*args, **parts)
        self.schedule = replace(self.schedule, epochs=1, checkpoints=1)

    def train(self, epoch: int) -> dict[str, float]:
        seed, cycle, candidate = self.schedule.draw
        ids, labels = self.train_examples.ids, self.train_examples.labels
        batches = list(self.data.batches(ids, labels, batch_size=4096))
        inputs = torch.cat([batch.inputs for batch in batches])
        targets = torch.cat([batch.targets for batch in batches if batch.targets is not None])
        weights = torch.ones(len(ids), dtype=torch.float64)
        if candidate:
            drawn = generator(seed, cycle, "bootstrap", candidate).dirichlet(weights.numpy())
            weights = torch.from_numpy(drawn * len(ids))
        fit_head(self.graph, inputs, targets, weights)
        if self.graph.loss_head is not None:
            seed = torch_seed(seed, cycle, "losses", candidate)
            fit_losses(self.graph, inputs, targets, seed)
        return {"train/loss": self.graph.evaluate(batches)["loss"]}
