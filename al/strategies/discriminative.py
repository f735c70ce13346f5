"""Discriminative active learning."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError
from al.strategies.geometry import labelled_points_of, points_of, slices
from al.strategies.ranking import reads, top

_HIDDEN, _LAYERS = 128, 2
#: Samples of each class in a step, and at most so many steps before the first sub-query.
_BATCH, _STEPS, _RATE = 128, 200, 3e-3


@strategies.register("discriminative")
@reads("embeddings")
def discriminative(
    view: PoolView, query_size: int, rng: np.random.Generator, *, rounds: int = 10
) -> Picks:
    """Asks for the samples that a classifier most surely tells apart from everything labelled.

    A small network of its own learns P(pool | h) from h [N + L, D], labelled set against
    pool; the samples of highest P are asked for, in `rounds` sub-queries: after each, what
    was picked counts as labelled and the network learns on. The score is P(pool | h) less the
    number of the sub-query, counted from 0, so it falls. With nothing labelled the first
    sub-query is drawn uniformly.

    Gissin and Shalev-Shwartz (2019), Discriminative active learning. Two hidden layers of
    128, Adam, at most 200 steps before the first sub-query and 100 before each other, on 128
    samples of either class, drawn uniformly: so a rare class weighs as much, and training
    costs no more for a larger pool. Reads embeddings, or raw features where there is no model;
    they are standardised. Weights and batches are drawn from `rng`. O(rounds · N D) time for
    the scores, O(N) memory.

    Raises:
        ConfigError: there are fewer than one rounds.
    """
    points, labelled = points_of(view), labelled_points_of(view)  # [N, D], [L, D]
    size = min(query_size, len(points))
    network = _Network(points, rng)
    waiting = np.ones(len(points), dtype=bool)
    positions, scores = [np.empty(0, np.int64)], [np.empty(0)]
    for turn, part in enumerate(np.array_split(np.arange(size), min(rounds, size))):
        picked = np.concatenate(positions)
        if len(picked) + len(labelled):
            network.learn(labelled, picked, np.flatnonzero(waiting))
            surely = network.surely_pool()
        else:
            surely = rng.random(len(points))
        surely[~waiting] = -np.inf
        found = top(surely, len(part))
        waiting[found] = False
        positions.append(found)
        scores.append(0.5 + 0.5 * np.tanh(0.5 * surely[found]) - turn)  # exp would overflow
    return Picks(np.concatenate(positions), np.concatenate(scores))


def _check(*, rounds: int = 10) -> None:
    if rounds < 1:
        raise ConfigError(f"rounds={rounds} asks for nothing: give 1 or more")


discriminative.check = _check


class _Network:
    """Tells the pool from the labelled set."""

    def __init__(self, points: torch.Tensor, rng: np.random.Generator) -> None:
        self.points = points
        self.rng = rng
        self.middle = points.mean(dim=0)
        spread = points.std(dim=0, correction=0)
        self.spread = torch.where(spread > 0.0, spread, torch.ones_like(spread))
        sizes = [points.shape[1], *[_HIDDEN] * _LAYERS, 1]
        self.weights: list[torch.Tensor] = []  # from `rng`: torch's own generator stays as it is
        for before, after in pairwise(sizes):
            drawn = rng.standard_normal((before, after), dtype=np.float32)
            drawn *= np.float32(np.sqrt(2.0 / before))
            self.weights += [
                torch.as_tensor(drawn, device=points.device).requires_grad_(),
                torch.zeros(after, device=points.device).requires_grad_(),
            ]
        self.optimizer = torch.optim.Adam(self.weights, lr=_RATE)

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        """Log-odds of the pool: [n, D] → [n]."""
        found = (samples - self.middle) / self.spread
        for layer in range(0, len(self.weights), 2):
            found = torch.addmm(self.weights[layer + 1], found, self.weights[layer])
            if layer + 2 < len(self.weights):
                found = found.relu()
        return found[:, 0]

    def learn(self, labelled: torch.Tensor, picked: np.ndarray, pool: np.ndarray) -> None:
        """Some steps on labelled and picked against pool, half of a batch each."""
        seen = len(labelled) + len(picked)
        # Ten passes over what is few; what was learned before a pick needs no more than mending.
        batch = max(1, min(_BATCH, seen + len(pool)))
        steps = min(_STEPS, 10 + 10 * (seen + len(pool)) // batch)
        steps = steps // 2 if len(picked) else steps
        wanted = torch.cat([torch.zeros(batch), torch.ones(batch)]).to(self.points.device)
        with torch.enable_grad():
            for _ in range(steps):
                known = self.rng.integers(seen, size=batch)
                theirs = known[known < len(labelled)]
                own = picked[known[known >= len(labelled)] - len(labelled)]
                others = pool[self.rng.integers(len(pool), size=batch)]
                inputs = self._rows(labelled, theirs), self._rows(self.points, own)
                samples = torch.cat([*inputs, self._rows(self.points, others)])
                loss = torch.nn.functional.binary_cross_entropy_with_logits(self(samples), wanted)
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()

    def surely_pool(self) -> np.ndarray:
        """Log-odds of every sample, [N].

        Odds, as probabilities near 1 are all 1 in float32; rounded, as a matrix product gives
        equal samples odds that differ in the last bits, and they shall tie.
        """
        with torch.no_grad():
            width = max(self.points.shape[1], _HIDDEN)
            parts = [self(self.points[rows]) for rows in slices(len(self.points), width)]
        return torch.cat(parts).double().cpu().numpy().round(4)

    @staticmethod
    def _rows(samples: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        return samples[torch.as_tensor(rows, device=samples.device)]
