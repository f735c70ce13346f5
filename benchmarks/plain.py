"""Active learning as a plain torch script: tensors in memory, three loops, nothing tracked.

It is what `benchmarks.overhead` holds the pipeline against. It does the work that a cycle
cannot do without, and draws from generators with the same seeds, so both must come to the
same queries and the same accuracy; that they do shows that the work is the same. For that it
also scores all training samples as the pipeline does, not only those in the pool: where a
batch begins changes the last bits of scores.

What it does not do: files, checkpoints, early stopping, progress, anything in MLflow.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from al.config import Config
from al.data_selector import pool_pass
from al.pipeline.session import Session
from al.randomness import generator, torch_seed

Samples = tuple[torch.Tensor, torch.Tensor]  # raw inputs, targets


def samples(session: Session, split: str) -> Samples:
    """A whole split as two tensors."""
    ids = session.data.ids(split)  # type: ignore[arg-type]
    (batch,) = session.data.batches(ids, session.data.truth(ids), batch_size=len(ids))
    assert isinstance(batch.targets, torch.Tensor)
    return batch.inputs, batch.targets


@dataclass
class Script:
    """The script with its data in memory; `cycle` is what is timed."""

    session: Session
    labelled: list[int] = field(default_factory=list)  # rows of train, in the order asked
    champion: nn.Module = field(init=False)  # from the first cycle on

    def __post_init__(self) -> None:
        self.config: Config = self.session.config
        self.device = self.session.device
        self.scale = self.session.new_graph().scale  # type: ignore[attr-defined]
        self.train, self.val, self.test = (
            samples(self.session, split) for split in ("train", "val", "test")
        )

    def cycle(self, number: int, asked: Sequence[int] | None = None) -> tuple[list[int], float]:
        """One cycle; returns what it asked about and the test accuracy.

        Args:
            asked: the query of a cycle that has no model to score with.
        """
        picks = self.query() if asked is None else list(asked)
        self.labelled += picks
        if asked is None:
            self.evaluate(self.champion, (self.train[0][picks], self.train[1][picks]))  # compare
            self.evaluate(self.champion, self.val)  # the election
        self.champion = self.fit(number)
        self.evaluate(self.champion, self.val)
        return picks, self.evaluate(self.champion, self.test)[0]

    def query(self) -> list[int]:
        """Rows with the smallest margin between the two best guesses."""
        two = np.partition(self.score(), -2, axis=1)[:, -2:]
        scores = 1.0 - (two[:, 1] - two[:, 0])
        scores[self.labelled] = -1.0
        return np.argsort(-scores, kind="stable")[: self.config.query_size].tolist()

    def score(self) -> np.ndarray:
        """Probabilities of all training samples, [N, C]."""
        inputs = self.train[0]
        # One array for all: small results kept one by one pin memory between the large ones.
        found = np.empty((len(inputs), len(self.session.data.spec.classes)), np.float32)
        self.champion.eval()
        with torch.inference_mode():
            for start in range(0, len(inputs), pool_pass.BATCH):
                rows = slice(start, start + pool_pass.BATCH)
                found[rows] = self.champion(self.prepare(inputs[rows])).softmax(dim=1).cpu().numpy()
        return found

    def fit(self, number: int) -> nn.Module:
        """The network of the best epoch."""
        config, seed = self.config, self.config.seed
        torch.manual_seed(torch_seed(seed, number, "init", 0))
        network: nn.Module = self.session.new_graph().network  # type: ignore[attr-defined]
        optimizer = torch.optim.Adam(network.parameters(), lr=config.lr)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=config.epochs)
        inputs, targets = self.train[0][self.labelled], self.train[1][self.labelled]
        best: tuple[float, float] | None = None
        for epoch in range(1, config.epochs + 1):
            order = generator(seed, number, "shuffle", 0, epoch).permutation(len(targets))
            torch.manual_seed(torch_seed(seed, number, "dropout", 0, epoch))
            network.train()
            self.epoch(network, optimizer, inputs, targets, torch.from_numpy(order))
            scheduler.step()
            accuracy, loss = self.evaluate(network, self.val)
            if best is None or (accuracy, -loss) > best:
                best, kept = (accuracy, -loss), copy.deepcopy(network.state_dict())
        network.load_state_dict(kept)
        return network

    def epoch(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        order: torch.Tensor,
    ) -> None:
        """One pass over the labelled set."""
        for chosen in torch.split(order, self.config.batch_size):
            optimizer.zero_grad(set_to_none=True)
            outputs = network(self.prepare(inputs[chosen]))
            loss = cross_entropy(outputs, targets[chosen].to(self.device))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def evaluate(self, network: nn.Module, data: Samples) -> tuple[float, float]:
        """Accuracy and mean loss."""
        inputs, targets = data
        right, total = 0, 0.0
        network.eval()
        with torch.inference_mode():
            for start in range(0, len(targets), 512):
                outputs = network(self.prepare(inputs[start : start + 512]))
                wanted = targets[start : start + 512].to(self.device)
                right += int((outputs.argmax(dim=1) == wanted).sum())
                total += float(cross_entropy(outputs, wanted)) * len(wanted)
        return right / len(targets), total / len(targets)

    def prepare(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.to(self.device).float() / self.scale
