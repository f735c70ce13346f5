"""Uncertainty Herding against its definition in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al.strategies import ArrayView, build
from al.strategies.coverage import smallest_distance
from tests.strategies.test_max_herding import gains, unit
from tests.views import view


def smallest(points: np.ndarray) -> float:
    """The least distance above zero between two of the points; 1 where there is none."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    return float(apart[apart > 1e-3].min(initial=np.inf)) if (apart > 1e-3).any() else 1.0


@pytest.mark.parametrize("labelled", [0, 1, 2, 9])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_every_pick_has_the_greatest_gain_in_what_the_model_is_unsure_of(
    labelled: int, seed: int
) -> None:
    over = view(seed, 40, labelled)
    points, centres = unit(over.embeddings), unit(over.labelled_arrays["embeddings"])
    best = np.sort(over.probabilities.astype(np.float64), axis=1)
    unsure, sigma = 1 - (best[:, -1] - best[:, -2]), smallest(centres)
    picks = build("uherding")(over, 12, np.random.default_rng(0))
    assert picks.why == f"σ = {sigma:.4g}"
    for place, (pick, score) in enumerate(zip(picks.positions, picks.scores, strict=True)):
        found = gains(points, centres, unsure, sigma)
        found[picks.positions[:place]] = -1
        assert found[pick] >= found.max() - 1e-4
        assert score == pytest.approx(found[pick] / 40, abs=3e-6)
        assert pick != 1 or 0 in picks.positions[:place]  # one sample twice
        centres = np.vstack([centres, points[pick]])


def test_the_bandwidth_is_the_least_distance_between_labelled_samples_that_differ() -> None:
    turns = np.array([0.0, 0.0, 1.0, 1.3])
    points = torch.from_numpy(np.stack([np.cos(turns), np.sin(turns)], axis=1))
    assert smallest_distance(points) == pytest.approx(2 * np.sin(0.15), rel=1e-6)
    assert smallest_distance(points[:2]) is None
    assert smallest_distance(points[:0]) is None


def test_many_labels_make_it_margin_and_few_make_it_cover() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 6)).astype(np.float32)
    logits = rng.normal(size=(60, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    near = np.vstack([points[:1], points[:1] * [1, 1, 1, 1, 1, 1.01]]).astype(np.float32)
    labelled = ArrayView(["a", "b"], labels=["0", "1"], embeddings=near,
                         probabilities=np.full((2, 4), 0.25))  # fmt: skip
    over = ArrayView(embeddings=points, probabilities=probabilities, labelled=labelled)
    rest = over.narrow(np.arange(1, 60))  # the first is labelled
    narrow = build("uherding")(rest, 20, np.random.default_rng(0)).positions.tolist()
    assert narrow == build("margin")(rest, 20, np.random.default_rng(0)).positions.tolist()

    equal = ArrayView(embeddings=points, probabilities=np.full((60, 4), 0.25))
    wide = build("uherding")(equal, 20, np.random.default_rng(0)).positions.tolist()
    assert wide == build("max_herding")(equal, 20, np.random.default_rng(0)).positions.tolist()
