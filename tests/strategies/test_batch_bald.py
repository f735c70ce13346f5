"""BatchBALD against the entropy of all joint answers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import al.strategies.batch_bald as module
from al.errors import ConfigError
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


def test_it_stops_where_the_batch_tells_the_share_that_is_asked_for_and_says_the_rest_by_bald() -> (
    None
):
    over = ArrayView(samples=pool(4, 400, passes=6, classes=4))
    alone = build("bald").score(over)

    def chosen_by_gain(share: float) -> int:
        picks = build(f"batch_bald(share={share})")(over, 60, np.random.default_rng(0))
        rest = [int(np.flatnonzero(np.diff(picks.scores))[-1]) + 1]
        assert (np.diff(alone[picks.positions[rest[0] :]]) <= 1e-6).all()
        return rest[0]

    counts = [chosen_by_gain(share) for share in (0.5, 0.8, 0.99)]
    assert counts == sorted(set(counts))
    assert counts[-1] < 60


def test_what_is_left_open_is_what_the_batch_has_not_told() -> None:
    samples, joint = pool(5, 3), module._JointAnswers(5)
    for place in range(3):
        joint.extend(samples[place], np.random.default_rng(0))
        information_of = information(samples[: place + 1])
        assert joint.left() == pytest.approx(np.log(5) - information_of, abs=1e-4)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="give 0 to 1"):
        build(f"batch_bald(share={share})")
