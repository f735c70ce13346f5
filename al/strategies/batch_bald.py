"""BatchBALD."""

from __future__ import annotations

import numpy as np
import torch

from al import kernels
from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError
from al.strategies.bald import bald
from al.strategies.condensing import condensed
from al.strategies.ranking import reads, top

#: Joint answers that are enumerated; beyond that, joint answers that are drawn.
_ENUMERATED, _DRAWN = 1_000, 1024
#: Gains nearer to each other than this, in nats, are equal: float32 knows no more.
_TIE = 2e-6
#: Joint probabilities held at a time.
_BLOCK = 262_144


@strategies.register("batch_bald")
@reads("samples")
def batch_bald(
    view: PoolView, query_size: int, rng: np.random.Generator, *, share: float = 0.99
) -> Picks:
    """Asks for the set of samples whose answers together tell most of the model's weights.

    Greedy on I(y_1 … y_b; ω), which is submodular: the score of a pick is what it adds,
    E_{y_1 … y_b}[ H(y | y_1 … y_b) − E_ω H(y | ω) ]. The expectation runs over all C^b joint
    answers while these are few, then over drawn ones that grow with the batch. T passes cannot
    tell more than ln T, whatever the batch. When its answers leave 1 − `share` of that open,
    E H(ω | y_1 … y_b) ≤ (1 − share) ln T, or no sample adds anything any more, the rest is
    picked by BALD: no batch could tell more than that besides.

    Kirsch, van Amersfoort and Gal (2019), BatchBALD: efficient and diverse batch acquisition
    for deep Bayesian active learning; lazily as in Minoux (1978). Ties go to the lower id.
    Classes that have a millionth of the probability together are left out. Reads
    `view.samples` [N, T, C]. A pick costs O(K S T c) for the K samples whose last known
    gain could still be the highest, S ≤ 1,024 joint answers and c classes that matter; O(N)
    memory.

    Raises:
        ConfigError: the share is not from 0 to 1.
    """
    samples = view.samples
    alone = np.asarray(bald.score(view), dtype=np.float64)
    joint = _JointAnswers(samples.shape[1])
    gains = alone.copy()  # an upper bound until it is brought up to date
    free = np.ones(len(gains), bool)
    positions: list[int] = []
    scores: list[float] = []
    enough = (1.0 - share) * np.log(samples.shape[1])
    while len(positions) < query_size:
        pick, gain = _best(joint, samples, gains, free) if positions else _first(gains)
        if gain <= _TIE or joint.left() <= enough:
            rest = np.flatnonzero(free)
            chosen = rest[top(alone[rest], query_size - len(positions))]
            positions.extend(chosen.tolist())
            scores.extend([min([gain, *scores[-1:]])] * len(chosen))
            break
        positions.append(pick)
        scores.append(gain)
        free[pick] = False
        gains[pick] = -np.inf
        joint.extend(samples[pick], rng)
    return Picks(np.array(positions, dtype=np.int64), np.array(scores, dtype=np.float64))


def _check(*, share: float = 0.99) -> None:
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"share={share:g} is not a share: give 0 to 1")


batch_bald.check = _check


def _first(gains: np.ndarray) -> tuple[int, float]:
    pick = int(np.flatnonzero(gains >= gains.max() - _TIE)[0])
    return pick, float(gains[pick])


def _best(
    joint: _JointAnswers, samples: np.ndarray, gains: np.ndarray, free: np.ndarray
) -> tuple[int, float]:
    """The free sample that adds most; bounds are brought up to date only where they matter."""
    stale = np.flatnonzero(free)
    best, size = -np.inf, 16
    while True:
        stale = stale[gains[stale] >= best - _TIE]
        if not len(stale):
            break
        chosen = top(gains[stale], size)
        rows = np.sort(stale[chosen])
        gains[rows] = np.minimum(gains[rows], joint.gains(samples[rows]))
        best = max(best, float(gains[rows].max()))
        stale = np.delete(stale, chosen)
        size = min(2 * size, 1024)
    pick = int(np.flatnonzero(free & (gains >= best - _TIE))[0])
    return pick, float(gains[pick])


class _JointAnswers:
    """Joint answers to the batch so far: their probabilities, and what each says of ω.

    Attributes:
        shares: [S], the probability of each joint answer (or its share of the drawn ones).
        passes: [S, T], p(ω_t | joint answer).
    """

    def __init__(self, passes: int) -> None:
        self.shares = torch.ones(1)
        self.passes = torch.full((1, passes), 1.0 / passes)
        self.enumerated = True

    def left(self) -> float:
        """What is not known of ω after these answers, in nats: E H(ω | y_1 … y_b)."""
        return -float(self.shares @ kernels.p_ln_p(self.passes).sum(dim=1))

    def gains(self, samples: np.ndarray) -> np.ndarray:
        """What each sample [B, T, C] adds, [B]."""
        found = np.empty(len(samples))
        # Once the answers determine ω, nothing can be added.
        open_ = -kernels.p_ln_p(self.passes).sum(dim=1) > _TIE
        shares, given_by = self.shares[open_], self.passes[open_]
        weights = shares @ given_by

        def work(piece: tuple[np.ndarray, np.ndarray]) -> None:
            rows, part = piece
            p = torch.from_numpy(np.ascontiguousarray(part))  # [B, T, c]
            _, passes, classes = p.shape
            given = given_by @ p.transpose(0, 1).reshape(passes, -1)  # [S, B·c]
            marginal = (shares @ kernels.p_ln_p(given)).reshape(-1, classes).sum(dim=1)
            known = kernels.p_ln_p(p).sum(dim=2) @ weights  # [B]
            found[rows] = (known - marginal).numpy()

        pieces = []
        for rows, part in condensed(samples):
            step = max(1, _BLOCK // max(1, len(shares) * part.shape[2]))
            starts = range(0, len(rows), step)
            pieces += [(rows[n : n + step], part[n : n + step]) for n in starts]
        kernels.in_parallel(pieces, work)
        return np.maximum(found, 0.0)

    def extend(self, sample: np.ndarray, rng: np.random.Generator) -> None:
        """Take a picked sample [T, C] into the batch; answers that nobody expects are left out."""
        _, likely = next(condensed(sample[None]))
        p = torch.from_numpy(np.ascontiguousarray(likely[0]))
        states, classes = len(self.shares), p.shape[1]
        if self.enumerated and states * classes <= _ENUMERATED:
            weights = self.passes[:, None, :] * p.T[None]  # [S, C, T]
            weights = weights.reshape(states * classes, -1)
            answers = weights.sum(dim=1)
            self.shares = self.shares.repeat_interleave(classes) * answers
        else:
            if self.enumerated:  # from here on, draw: evenly along the distribution
                self.enumerated = False
                places = (np.arange(_DRAWN) + rng.random()) / _DRAWN
                chosen = _inverse(self.shares.double().numpy(), places)
                self.passes = self.passes[torch.from_numpy(chosen)]
                self.shares = torch.full((_DRAWN,), 1.0 / _DRAWN)
            chances = (self.passes @ p).cumsum(dim=1)  # [S, C]
            draws = torch.from_numpy(rng.random(len(chances), dtype=np.float32))[:, None]
            answer = (chances < draws * chances[:, -1:]).sum(dim=1).clamp(max=classes - 1)
            weights = self.passes * p.T[answer]
            answers = weights.sum(dim=1)
        self.passes = weights / answers.clamp_min(torch.finfo(weights.dtype).tiny)[:, None]


def _inverse(shares: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The outcomes that numbers in [0, 1) fall on."""
    cumulated = np.cumsum(shares)
    found = np.searchsorted(cumulated, places * cumulated[-1], side="right")
    return np.minimum(found, len(shares) - 1)
