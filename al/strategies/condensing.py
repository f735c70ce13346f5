"""Stochastic passes without the classes that next to nobody believes in.

A sure model gives almost all of its hundred classes no chance in any pass, yet measures of
information go through all of them, and through all pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

#: The share of probability that may be left out. Information about the passes is a sum over
#: classes of p(y) KL(p(ω | y) ‖ p(ω)), each term from 0 to p(y) ln T for T passes: leaving this
#: much out loses 3e-6 nats for 20 passes, which is what float32 knows.
SPARE = 1e-6


def condensed(samples: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of the samples [N, T, C], and their likeliest classes [n, T, c], not normalised.

    Rows come in groups whose c is a power of two, or C; each row comes once.
    """
    classes = samples.shape[2]
    mean = samples.mean(axis=1)  # [N, C]
    order = np.argsort(-mean, axis=1, kind="stable")
    mass = np.take_along_axis(mean, order, axis=1).cumsum(axis=1, dtype=np.float64)
    needed = 1 + (mass < (1.0 - SPARE) * mass[:, -1:]).sum(axis=1)
    widths = np.minimum(2 ** np.ceil(np.log2(needed)).astype(np.int64), classes)
    for width in np.unique(widths).tolist():
        rows = np.flatnonzero(widths == width)
        if width == classes:
            yield rows, samples[rows]
        else:
            yield rows, np.take_along_axis(samples[rows], order[rows, None, :width], axis=2)
