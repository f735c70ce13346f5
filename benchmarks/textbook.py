"""Strategies as one would write them down with torch: what the catalog's are measured against.

Each keeps the state that its algorithm needs (the distance to the nearest centre, the joint
distribution of the picks) and nothing is done twice, but nothing is tuned either. Each takes
a view, the query's size and a seed, and returns positions, best first.

`NAIVE` holds definitions in float64 that are as short as they are slow, for checking picks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import one_hot

from al.contracts import PoolView

Contestant = Callable[[PoolView, int, int], np.ndarray]

#: Joint outcomes that batch_bald enumerates, and draws beyond that: the catalog's numbers, so
#: that both do the same.
ENUMERATED, DRAWN = 10_000, 2048


def least_confidence(view: PoolView, query_size: int, seed: int) -> np.ndarray:
    best = torch.from_numpy(view.probabilities).amax(dim=1)
    return torch.topk(best, query_size, largest=False).indices.numpy()


def margin(view: PoolView, query_size: int, seed: int) -> np.ndarray:
    two = torch.topk(torch.from_numpy(view.probabilities), 2, dim=1).values
    return torch.topk(two[:, 0] - two[:, 1], query_size, largest=False).indices.numpy()


def entropy(view: PoolView, query_size: int, seed: int) -> np.ndarray:
    scores = torch.special.entr(torch.from_numpy(view.probabilities)).sum(dim=1)
    return torch.topk(scores, query_size).indices.numpy()


def bald(view: PoolView, query_size: int, seed: int) -> np.ndarray:
    scores = _information(torch.from_numpy(view.samples))
    return torch.topk(scores, query_size).indices.numpy()


def k_center(view: PoolView, query_size: int, seed: int) -> np.ndarray:
    points = torch.from_numpy(view.embeddings)  # [N, D]
    norms = (points * points).sum(dim=1)
    nearest = torch.full((len(points),), torch.inf)  # squared distance to the nearest centre
    for centres in torch.from_numpy(view.labelled.embeddings).split(64):
        away = (centres * centres).sum(dim=1) - 2 * (points @ centres.T)  # [N, 64], less the norms
        nearest = torch.minimum(nearest, norms + away.amin(dim=1))
    picks: list[int] = []
    for _ in range(query_size):
        pick = int(nearest.argmax())
        picks.append(pick)
        nearest = torch.minimum(nearest, norms + norms[pick] - 2 * (points @ points[pick]))
        nearest[pick] = -torch.inf
    return np.array(picks)


def badge(view: PoolView, query_size: int, seed: int) -> np.ndarray:
    """The gradient of a sample is (p − onehot) ⊗ h, so inner products need no [N, C·D]."""
    h, p = torch.from_numpy(view.embeddings), torch.from_numpy(view.probabilities)
    a = p - one_hot(p.argmax(dim=1), p.shape[1])
    norms = (a * a).sum(dim=1) * (h * h).sum(dim=1)
    draw = torch.Generator().manual_seed(seed)
    nearest = torch.full_like(norms, torch.inf)  # squared distance to the nearest centre
    picks = [int(norms.argmax())]
    while len(picks) < query_size:
        last = picks[-1]
        away = norms + norms[last] - 2 * (a @ a[last]) * (h @ h[last])
        nearest = torch.minimum(nearest, away.clamp(min=0))
        nearest[last] = 0
        picks.append(int(torch.multinomial(nearest, 1, generator=draw)))
    return np.array(picks)


def batch_bald(view: PoolView, query_size: int, seed: int) -> np.ndarray:
    """Joint outcomes of the picks exactly while they are few, then by drawing some of them."""
    p = torch.from_numpy(view.samples).double()  # [N, T, C]
    count, passes, classes = p.shape
    draw = torch.Generator().manual_seed(seed)
    noise = torch.special.entr(p).sum(dim=2).mean(dim=1)  # what a label leaves open by itself
    picks: list[int] = []
    given = 0.0  # the picks' own noise
    joint = torch.ones(1, passes, dtype=p.dtype)  # of each outcome under each network, [M, T]
    weight = torch.ones(1, dtype=p.dtype)  # of each outcome in the sum, [M]
    for _ in range(query_size):
        scores = torch.empty(count, dtype=p.dtype)
        block = max(1, 4_000_000 // (len(joint) * classes))
        for start in range(0, count, block):
            part = p[start : start + block]
            both = joint @ part / passes  # [n, M, C], the outcome with each label
            open_ = (torch.special.entr(both).sum(dim=2) * weight).sum(dim=1)
            scores[start : start + block] = open_ - noise[start : start + block] - given
        scores[picks] = -torch.inf
        pick = int(scores.argmax())
        picks.append(pick)
        given += float(noise[pick])
        if classes ** len(picks) <= ENUMERATED:
            joint = (joint[:, None] * p[pick].T).reshape(-1, passes)
            weight = torch.ones(len(joint), dtype=p.dtype)
        else:
            each = DRAWN // passes
            drawn = [torch.multinomial(p[i], each, True, generator=draw).flatten() for i in picks]
            joint = torch.stack([p[i][:, d].T for i, d in zip(picks, drawn, strict=True)]).prod(0)
            weight = 1 / (joint.mean(dim=1) * len(joint))
    return np.array(picks)


def _information(samples: torch.Tensor) -> torch.Tensor:
    """Between label and network, from [N, T, C]."""
    whole = torch.special.entr(samples.mean(dim=1)).sum(dim=1)
    return whole - torch.special.entr(samples).sum(dim=2).mean(dim=1)


TEXTBOOK: dict[str, Contestant] = {
    f.__name__: f for f in (least_confidence, margin, entropy, bald, k_center, badge, batch_bald)
}


def _by(score: Callable[[PoolView], np.ndarray]) -> Contestant:
    return lambda view, query_size, seed: np.argsort(-score(view), kind="stable")[:query_size]


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)


def _naive_bald(view: PoolView) -> np.ndarray:
    p = view.samples.astype(np.float64)
    return _entropy(p.mean(axis=1)) - _entropy(p).mean(axis=1)


def _naive_margin(view: PoolView) -> np.ndarray:
    p = np.sort(view.probabilities.astype(np.float64), axis=1)
    return p[:, -2] - p[:, -1]


def _naive_k_center(view: PoolView, query_size: int, seed: int) -> np.ndarray:
    points = view.embeddings.astype(np.float64)
    centres = [*view.labelled.embeddings.astype(np.float64)]
    nearest = np.min([((points - c) ** 2).sum(axis=1) for c in centres], axis=0)
    picks: list[int] = []
    for _ in range(query_size):
        picks.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((points - points[picks[-1]]) ** 2).sum(axis=1))
    return np.array(picks)


NAIVE: dict[str, Contestant] = {
    "least_confidence": _by(lambda view: -view.probabilities.max(axis=1)),
    "margin": _by(_naive_margin),
    "entropy": _by(lambda view: _entropy(view.probabilities.astype(np.float64))),
    "bald": _by(_naive_bald),
    "k_center": _naive_k_center,
}
