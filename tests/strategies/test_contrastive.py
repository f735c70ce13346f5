from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.errors import ConfigError, StrategyError
from al.strategies import ArrayView, build, ranking
from tests.views import view


def choose(over: ArrayView, size: int, **more: int) -> Picks:
    picks: Picks = strategies.get("contrastive")(over, size, np.random.default_rng(0), **more)
    return picks


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), labelled=st.integers(1, 20), neighbours=st.integers(1, 12))
def test_scores_are_those_of_the_formula(seed: int, labelled: int, neighbours: int) -> None:
    over = view(seed, 30, labelled)
    p, h = over.probabilities.astype(np.float64), over.embeddings.astype(np.float64)
    q, theirs = over.labelled.probabilities, over.labelled.embeddings
    wanted = []
    for own, at in zip(p, h, strict=True):
        near = np.argsort(np.linalg.norm(theirs - at, axis=1), kind="stable")[:neighbours]
        wanted.append(np.mean([(q[j] * np.log(q[j] / own)).sum() for j in near]))
    picks = choose(over, 30, neighbours=neighbours)
    assert picks.scores == pytest.approx([wanted[i] for i in picks.positions], abs=1e-4)


def test_by_hand() -> None:
    labelled = ArrayView(
        embeddings=np.array([[0.0], [10.0]], np.float32),
        probabilities=np.array([[1.0, 0.0], [0.5, 0.5]], np.float32),
    )
    over = ArrayView(
        embeddings=np.array([[1.0], [9.0], [2.0]], np.float32),
        probabilities=np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]], np.float32),
        labelled=labelled,
    )
    picks = choose(over, 3, neighbours=1)
    assert picks.positions.tolist() == [0, 1, 2]
    assert picks.scores == pytest.approx([math.log(2), 0, 0], abs=1e-6)


def test_a_prediction_of_zero_is_a_large_score_and_no_infinity() -> None:
    labelled = ArrayView(embeddings=np.ones((1, 2)), probabilities=np.array([[1.0, 0.0]]))
    over = ArrayView(
        embeddings=np.ones((2, 2)),
        probabilities=np.array([[0.5, 0.5], [0.0, 1.0]]),
        labelled=labelled,
    )
    picks = choose(over, 2)
    assert picks.positions.tolist() == [1, 0]
    assert np.isfinite(picks.scores).all()


def test_windows_of_the_pool_give_the_scores_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = choose(view(0, 60), 20)
    monkeypatch.setattr(ranking, "WINDOW", 7)
    parts = choose(view(0, 60), 20)
    assert parts.positions.tolist() == whole.positions.tolist()
    assert parts.scores == pytest.approx(whole.scores, abs=1e-6)


def test_with_nothing_labelled_it_says_what_to_do() -> None:
    with pytest.raises(StrategyError, match="choose another cold_start"):
        choose(view(0, 20, labelled=0), 5)


def test_no_neighbours_are_refused() -> None:
    with pytest.raises(ConfigError, match="neighbours=0"):
        build("contrastive(neighbours=0)")


def test_scores_are_exact_so_picks_are_certain() -> None:
    assert choose(view(0, 20), 5).propensities == pytest.approx([1.0] * 5)
