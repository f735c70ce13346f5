"""Scores from probabilities, as fast as memory delivers them.

Each works in chunks that stay in the cache and keeps nothing but one number a sample. Maxima
run over the transposed chunk, a vector operation a class; sums over classes are products with
a vector of ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

#: Numbers in a chunk: 1 MB of float32.
_CHUNK = 262_144
#: The smallest normal float32: p ln p is 0 at 0 and this keeps the logarithm finite.
_TINY = float(np.finfo(np.float32).tiny)


def largest(p: np.ndarray) -> np.ndarray:
    """max_c p(c | x): [N, C] → [N]."""
    out = np.empty(len(p), np.float32)
    for rows in _chunks(p):
        if p.shape[1] < 32:
            np.ascontiguousarray(p[rows].T).max(axis=0, out=out[rows])
        else:
            torch.amax(torch.from_numpy(p[rows]), dim=1, out=torch.from_numpy(out[rows]))
    return out


def two_largest_apart(p: np.ndarray) -> np.ndarray:
    """p₁ − p₂, the two highest probabilities: [N, C] → [N]."""
    out = np.empty(len(p), np.float32)
    for rows in _chunks(p):
        classes = np.ascontiguousarray(p[rows].T)  # [C, n]
        first, second = np.maximum(*classes[:2]), np.minimum(*classes[:2])
        lower = np.empty_like(first)
        for other in classes[2:]:
            np.minimum(first, other, out=lower)
            np.maximum(second, lower, out=second)
            np.maximum(first, other, out=first)
        np.subtract(first, second, out=out[rows])
    return out


def entropy(p: np.ndarray) -> np.ndarray:
    """−Σ_c p ln p in nats: [N, C] → [N]."""
    out = torch.empty(len(p))
    ones = torch.ones(p.shape[1])
    for rows in _chunks(p):
        torch.mv(p_ln_p(torch.from_numpy(p[rows])), ones, out=out[rows])
    return out.neg_().numpy()


def entropy_of_mean_and_mean_entropy(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H[mean_t p_t] and mean_t H[p_t]: [N, T, C] → [N], [N].

    Both from two matrix products a chunk, over samples laid out as [n, T·C].
    """
    count, passes, classes = samples.shape
    flat = samples.reshape(count, passes * classes)
    average = torch.eye(classes).repeat(passes, 1) / passes  # [T·C, C]
    over_all = torch.full((passes * classes,), 1.0 / passes)
    of_mean, mean_of = torch.empty(count), torch.empty(count)
    for rows in _chunks(flat):
        p = torch.from_numpy(np.ascontiguousarray(flat[rows]))
        torch.mv(p_ln_p(p @ average), torch.ones(classes), out=of_mean[rows])
        torch.mv(p_ln_p(p), over_all, out=mean_of[rows])
    return of_mean.neg_().numpy(), mean_of.neg_().numpy()


def p_ln_p(p: torch.Tensor) -> torch.Tensor:
    """p ln p of each number, 0 at 0.

    The product is with the clamped number too: processors take a hundred times as long for
    numbers too small to be normal, and sure models give many.
    """
    clamped = p.clamp_min(_TINY)
    return torch.log(clamped).mul_(clamped)


def _chunks(array: np.ndarray) -> Iterator[slice]:
    rows = max(1, _CHUNK // max(1, array.shape[1]))
    return (slice(start, start + rows) for start in range(0, len(array), rows))


def votes(samples: np.ndarray) -> np.ndarray:
    """The share of passes or members whose best guess is each class: [N, T, C] → [N, C]."""
    count, passes, classes = samples.shape
    best = samples.argmax(axis=2) + classes * np.arange(count)[:, None]  # [N, T]
    found = np.bincount(best.ravel(), minlength=count * classes).reshape(count, classes)
    return (found / passes).astype(np.float32)
