"""Scores from probabilities, as fast as memory delivers them.

Each works in chunks that stay in the cache and keeps nothing but one number a sample. Maxima
run over the transposed chunk, a vector operation a class; sums over classes are products with
a vector of ones.

Chunks are shared out among as many threads as torch has here, each of which works alone: where
other processes want the cores too, threads that share an operation wait for each other at every
one, and two can be a hundred times slower than one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
import torch

P = TypeVar("P")

#: Numbers in a chunk: 1 MB of float32.
_CHUNK = 262_144
#: The smallest normal float32: p ln p is 0 at 0 and this keeps the logarithm finite.
_TINY = float(np.finfo(np.float32).tiny)


def largest(p: np.ndarray) -> np.ndarray:
    """max_c p(c | x): [N, C] → [N]."""
    out = np.empty(len(p), np.float32)

    def work(rows: slice) -> None:
        if p.shape[1] < 32:
            np.ascontiguousarray(p[rows].T).max(axis=0, out=out[rows])
        else:
            torch.amax(torch.from_numpy(p[rows]), dim=1, out=torch.from_numpy(out[rows]))

    _in_chunks(p, work)
    return out


def two_largest_apart(p: np.ndarray) -> np.ndarray:
    """p₁ − p₂, the two highest probabilities: [N, C] → [N]."""
    out = np.empty(len(p), np.float32)

    def work(rows: slice) -> None:
        classes = np.ascontiguousarray(p[rows].T)  # [C, n]
        first, second = np.maximum(*classes[:2]), np.minimum(*classes[:2])
        lower = np.empty_like(first)
        for other in classes[2:]:
            np.minimum(first, other, out=lower)
            np.maximum(second, lower, out=second)
            np.maximum(first, other, out=first)
        np.subtract(first, second, out=out[rows])

    _in_chunks(p, work)
    return out


def entropy(p: np.ndarray) -> np.ndarray:
    """−Σ_c p ln p in nats: [N, C] → [N]."""
    out = torch.empty(len(p))
    ones = torch.ones(p.shape[1])

    def work(rows: slice) -> None:
        torch.mv(p_ln_p(torch.from_numpy(p[rows])), ones, out=out[rows])

    _in_chunks(p, work)
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
    ones = torch.ones(classes)

    def work(rows: slice) -> None:
        p = torch.from_numpy(np.ascontiguousarray(flat[rows]))
        torch.mv(p_ln_p(p @ average), ones, out=of_mean[rows])
        torch.mv(p_ln_p(p), over_all, out=mean_of[rows])

    _in_chunks(flat, work)
    return of_mean.neg_().numpy(), mean_of.neg_().numpy()


def p_ln_p(p: torch.Tensor) -> torch.Tensor:
    """p ln p of each number, 0 at 0.

    The product is with the clamped number too: processors take a hundred times as long for
    numbers too small to be normal, and sure models give many.
    """
    clamped = p.clamp_min(_TINY)
    return torch.log(clamped).mul_(clamped)


def _in_chunks(array: np.ndarray, work: Callable[[slice], None]) -> None:
    """Do some work on all rows of the array, a chunk at a time."""
    step = max(1, _CHUNK // max(1, array.shape[1]))
    in_parallel([slice(start, start + step) for start in range(0, len(array), step)], work)


def in_parallel(pieces: Sequence[P], work: Callable[[P], None]) -> None:
    """Do some work on each piece, on as many threads as torch has, each working alone.

    What comes out depends neither on how many these are nor on their order.
    """
    threads = torch.get_num_threads()
    try:
        if threads == 1 or len(pieces) < 2 * threads:  # not worth other threads
            torch.set_num_threads(1)
            for piece in pieces:
                work(piece)
        else:
            with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
                list(pool.map(work, pieces))
    finally:
        torch.set_num_threads(threads)  # also what threads begin with that come later


def votes(samples: np.ndarray) -> np.ndarray:
    """The share of passes or members whose best guess is each class: [N, T, C] → [N, C]."""
    count, passes, classes = samples.shape
    best = samples.argmax(axis=2) + classes * np.arange(count)[:, None]  # [N, T]
    found = np.bincount(best.ravel(), minlength=count * classes).reshape(count, classes)
    return (found / passes).astype(np.float32)
