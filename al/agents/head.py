"""Linear heads on the vectors of an encoder: fitted in one go, alone or before both are trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from al.agents.base import Agent
from al.agents.supervised import SupervisedAgent
from al.graphs import TorchGraph, fit_head, fit_losses, normalised
from al.kinds import kind_of
from al.randomness import generator, torch_seed


class HeadAgent(Agent):
    """The loop of the superclass, with one epoch in which the optimum is found."""

    graph: TorchGraph

    def __init__(self, *args: Any, **parts: Any) -> None:
        super().__init__(*args, **parts)
        self.schedule = replace(self.schedule, epochs=1, checkpoints=1)

    def train(self, epoch: int) -> dict[str, float]:
        known = self.train_examples
        batches = list(self.data.batches(known.ids, known.labels, batch_size=4096))
        inputs = torch.cat([batch.inputs for batch in batches])
        targets = torch.cat([batch.targets for batch in batches if batch.targets is not None])
        with torch.no_grad():
            features = self.graph.trunk(self.graph.prepare(inputs))
        fit(self, features, targets)
        return {"train/loss": self.graph.evaluate(batches)["loss"]}


class FineTuneAgent(SupervisedAgent):
    """First the head alone, then the encoder with it, by batches.

    The first epoch fits the head on the vectors that are kept, which costs no pass of the encoder;
    a head that is right already does not spoil what the encoder knows. Kumar et al. (2022),
    Fine-tuning can distort pretrained features and underperform out-of-distribution (LP-FT). So
    where training the encoder helps no validation figure, that epoch is the one elected.
    """

    def train(self, epoch: int) -> dict[str, float]:
        if epoch > 1:
            return super().train(epoch)
        known = self.train_examples
        vectors = torch.from_numpy(self.data.features(known.ids))
        features = normalised(vectors.to(self.graph.device))
        targets = kind_of(self.data.spec).tensor(known.labels).to(features.device)
        fit(self, features, targets)
        self.graph.network.eval()
        with torch.no_grad():
            loss = self.graph.loss(self.graph.head(features), targets)
        return {"train/loss": float(loss)}


def fit(agent: Agent, features: torch.Tensor, targets: torch.Tensor) -> None:
    """Fit a linear head to all labels of an agent at once.

    The first candidate counts each label once. As there is one optimum, the others would be
    copies of it: they weigh the labels by a Bayesian bootstrap, w ~ N · Dirichlet(1, …, 1)
    (Rubin 1981), so that together they are a committee.

    Args:
        features: what the trunk makes of the labelled samples, [N, D].
        targets: their labels.
    """
    assert isinstance(agent.graph, TorchGraph)
    seed, cycle, candidate = agent.schedule.draw
    weights = torch.ones(len(targets), dtype=torch.float64)
    if candidate:
        drawn = generator(seed, cycle, "bootstrap", candidate).dirichlet(weights.numpy())
        weights = torch.from_numpy(drawn * len(targets))
    fit_head(agent.graph, features, targets, weights)
    if agent.graph.loss_head is not None:
        fit_losses(agent.graph, features, targets, torch_seed(seed, cycle, "losses", candidate))
