"""BatchBALD against the entropy of all joint answers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import al.strategies.batch_bald as module
from al.strategies import ArrayView, build


def pool(seed: int, count: int, passes: int = 5, classes: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    samples = np.exp(rng.normal(size=(count, passes, classes)) * 2)
    return (samples / samples.sum(-1, keepdims=True)).astype(np.float32)


def information(samples: np.ndarray) -> float:
    """I(y_1 … y_b; ω) of a batch [b, T, C], from every joint answer."""
    p = samples.astype(np.float64)
    total = 0.0
    for answer in product(range(p.shape[2]), repeat=len(p)):
        given_pass = np.prod([p[i, :, c] for i, c in enumerate(answer)], axis=0)
        chance = given_pass.mean()
        total -= chance * np.log(max(chance, 1e-300))
    return total + float((p * np.log(p)).sum(2).mean(1).sum())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_it_picks_what_greedy_search_over_all_joint_answers_picks(seed: int) -> None:
    samples = pool(seed, 12)
    picks = build("batch_bald")(ArrayView(samples=samples), 4, np.random.default_rng(0))
    batch: list[int] = []
    for position, score in zip(picks.positions.tolist(), picks.scores, strict=True):
        gains = [
            information(samples[[*batch, i]]) - (information(samples[batch]) if batch else 0)
            for i in range(12)
        ]
        best = max(gain for i, gain in enumerate(gains) if i not in batch)
        assert gains[position] == pytest.approx(best, abs=1e-5)
        assert score == pytest.approx(best, abs=1e-5)
        batch.append(position)


def test_a_query_of_one_is_that_of_bald() -> None:
    over = ArrayView(samples=pool(1, 200))
    one = build("batch_bald")(over, 1, np.random.default_rng(0))
    bald = build("bald")(over, 1, np.random.default_rng(0))
    assert one.positions.tolist() == bald.positions.tolist()
    assert one.scores == pytest.approx(bald.scores, abs=1e-6)


def test_drawn_joint_answers_come_close_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = pool(2, 30)
    monkeypatch.setattr(module, "_ENUMERATED", 3)
    drawn = build("batch_bald")(ArrayView(samples=samples), 4, np.random.default_rng(0))
    monkeypatch.undo()
    exact = build("batch_bald")(ArrayView(samples=samples), 4, np.random.default_rng(0))
    best = information(samples[exact.positions])
    assert information(samples[drawn.positions]) > 0.99 * best
    assert drawn.scores.sum() == pytest.approx(best, rel=0.02)


def test_an_answer_that_is_impossible_is_never_drawn() -> None:
    shares = np.array([0.0, 0.25, 0.0, 0.75])
    assert module._inverse(shares, np.array([0.0, 0.2, 0.25, 0.9999])).tolist() == [1, 1, 3, 3]


def test_gains_never_rise_while_answers_are_enumerated() -> None:
    scores = build("batch_bald")(ArrayView(samples=pool(3, 50)), 8, np.random.default_rng(0)).scores
    assert (np.diff(scores) <= 1e-6).all()


def test_when_nothing_more_can_be_learned_the_rest_is_that_of_bald() -> None:
    rng = np.random.default_rng(0)
    sure = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (60, 3))]  # three passes, each sure
    over = ArrayView(samples=sure)
    picks = build("batch_bald")(over, 40, np.random.default_rng(0))
    assert picks.scores[:2].sum() == pytest.approx(np.log(3), abs=1e-3)  # all that T = 3 can tell
    alone = build("bald").score(over)
    rest = alone[picks.positions[3:]]
    assert (np.diff(rest) <= 1e-6).all()
