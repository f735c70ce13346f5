"""Uncertainty Herding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.strategies.coverage import herd, on_the_sphere, smallest_distance
from al.strategies.geometry import labelled_points_of, points_of
from al.strategies.margin import margin
from al.strategies.max_herding import BANDWIDTH
from al.strategies.ranking import by_measure, reads


@strategies.register("uherding")
@by_measure("margin")
@reads("probabilities", "embeddings")
def uherding(
    view: PoolView, query_size: int, rng: np.random.Generator, *, over: str = "auto"
) -> Picks:
    """Asks for the samples that cover best what the model is unsure of.

    Greedy on the uncertainty coverage C(S) = 1/N Σ_i U(i) max_{j ∈ labelled ∪ S} k(i, j) with
    U = 1 − (p₁ − p₂), as in `margin`, and k(i, j) = exp(−‖h_i − h_j‖² / σ²) over embeddings
    h [N, D] of length 1. σ is the smallest distance above zero between two labelled samples,
    1 where there is none: with few labels it is wide and this covers, as `max_herding`; with
    many it is narrow, each sample covers itself alone, and this is `margin`. The score is by
    how much the pick raised C; it falls. Ties, up to rounding, go to the lower position.
    `over` is that of `margin`.

    Bae, Oliveira and Sutherland (2025), Uncertainty herding: one active learning method for
    all label budgets (UHerding with margin). Their other adaptation, a temperature for p that
    makes the calibration error on held-out labels least, is `calibrate=on` here, which fits
    the likelihood of validation labels; without it p is taken as it is. Reads
    `view.probabilities` and embeddings. Exact up to 20,000 samples; time and
    memory are those of `max_herding`, and O(L² D) for σ with L labels.
    """
    unsure = margin.score(view, over=over)  # [N], ≥ 0
    points, labelled = points_of(view), labelled_points_of(view)
    sigma = smallest_distance(on_the_sphere(labelled)) or BANDWIDTH
    size = min(query_size, len(points))
    return replace(herd(points, labelled, unsure, sigma, size, rng), why=f"σ = {sigma:.4g}")
