"""DropQuery: candidates by a count of passes, then the middles of their clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.strategies import ArrayView, build, ranking
from tests.views import view


def naive_scores(over: ArrayView) -> list[float]:
    """Passes whose class is another, and half of how little all of them believe in it."""
    found = []
    for p, samples in zip(
        over.probabilities.astype(float), over.samples.astype(float), strict=True
    ):
        own = int(np.argmax(p))
        differ = sum(int(np.argmax(row)) != own for row in samples)
        found.append(differ + (1 - np.mean([row[own] for row in samples])) / 2)
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(1, 20))
def test_only_samples_that_change_in_most_passes_are_asked_for_while_there_are_enough(
    seed: int, size: int
) -> None:
    over = view(seed, 40)
    scores = np.array(naive_scores(over))
    candidates = np.flatnonzero(np.floor(scores) > 4)  # of 8 passes
    picks = build("drop_query")(over, size, np.random.default_rng(seed))
    assert picks.scores == pytest.approx(scores[picks.positions], abs=1e-6)
    if len(candidates) > size:
        assert {*picks.positions} <= {*candidates}
        k_means = build("k_means")(over.narrow(candidates), size, np.random.default_rng(seed))
        assert picks.positions.tolist() == candidates[k_means.positions].tolist()
    else:
        assert picks.positions.tolist() == np.argsort(-scores, kind="stable")[:size].tolist()


def test_half_of_the_passes_are_not_most_of_them() -> None:
    sure, other = [0.9, 0.1], [0.2, 0.8]
    samples = np.array([[other, other, sure, sure], [other, other, other, sure]] * 3)
    over = ArrayView(
        probabilities=np.array([sure] * 6),
        samples=samples,
        embeddings=np.arange(12, dtype=np.float32).reshape(6, 2),
    )
    picks = build("drop_query")(over, 2, np.random.default_rng(0))
    assert {*picks.positions} < {1, 3, 5}


def test_a_model_without_dropout_is_asked_by_least_confidence() -> None:
    over = view(3, 40)
    same = np.repeat(over.probabilities[:, None], 5, axis=1)
    still = ArrayView(probabilities=over.probabilities, samples=same, embeddings=over.embeddings)
    picks = build("drop_query")(still, 10, np.random.default_rng(0)).positions.tolist()
    least = build("least_confidence")(still, 10, np.random.default_rng(0)).positions.tolist()
    assert picks == least


def test_the_passes_of_a_large_pool_are_looked_at_in_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = view(5, 40)
    whole = build("drop_query")(over, 6, np.random.default_rng(0))
    monkeypatch.setattr(ranking, "WINDOW", 7)
    parts = build("drop_query")(over, 6, np.random.default_rng(0))
    assert parts.positions.tolist() == whole.positions.tolist()
    assert parts.scores.tolist() == whole.scores.tolist()
