from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.strategies import ArrayView, submodular
from tests.views import view


def choose(over: ArrayView, size: int, seed: int = 0) -> Picks:
    picks: Picks = strategies.get("facility_location")(over, size, np.random.default_rng(seed))
    return picks


def naive_gains(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, float]:
    """The gain of each point in float64, and the scale of squared distances."""
    apart = np.square(points[:, None] - points[None]).sum(2)
    scale = 4 * np.square(points - points.mean(0)).sum(1).max()
    best = np.full(len(points), scale)
    if len(centres):
        best = np.square(points[:, None] - centres[None]).sum(2).min(1)
    return np.maximum(best[:, None] - apart, 0).sum(0), float(scale)


@pytest.mark.parametrize("labelled", [0, 1, 7])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_every_pick_has_the_greatest_gain_and_its_score_is_that_gain(
    labelled: int, seed: int
) -> None:
    over = view(seed, 40, labelled)
    points = over.arrays["embeddings"].astype(np.float64)
    centres = over.labelled_arrays["embeddings"].astype(np.float64)
    picks = choose(over, 12)
    for pick, score in zip(picks.positions, picks.scores, strict=True):
        gains, scale = naive_gains(points, centres)
        gains[[*picks.positions[: len(centres) - labelled]]] = -1
        assert gains[pick] >= gains.max() * (1 - 2e-5) - 2e-6 * scale
        assert score == pytest.approx(gains[pick] / (40 * scale), abs=2e-6)
        centres = np.vstack([centres, points[pick]])


def test_equal_samples_tie_to_the_lower_position() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = rng.normal(size=(30, 6)).astype(np.float32)
        order = rng.permutation(60)
        doubled = np.vstack([points, points])[order]
        twin = np.argsort(order)[(order + 30) % 60]
        picks = choose(ArrayView(features=doubled), 15).positions
        assert (picks < twin[picks]).all()


def test_on_a_line_by_hand() -> None:
    line = np.arange(9, dtype=np.float32)[:, None]
    picks = choose(ArrayView(features=line), 3)
    # First the middle. The squared distances to it are 16 9 4 1 0 1 4 9 16; a pick at 1 saves
    # 15 + 9 + 3 + 0, one at 0 saves 16 + 8 + 0, one at 2 saves 12 + 8 + 4 + 0: so 1, and 7
    # across, which saves as much. Scores are over 9 samples and 4 · 4².
    assert picks.positions.tolist() == [4, 1, 7]
    assert picks.scores == pytest.approx(np.array([9 * 64 - 60, 27, 27]) / (9 * 64))


def test_a_sample_far_out_does_not_hide_the_others() -> None:
    points = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    points[77] = 1000
    over = ArrayView(features=points, labelled=ArrayView(features=points[77:78]))
    first, second = choose(over, 2).positions
    gains, _ = naive_gains(points.astype(np.float64), points[[77, first]].astype(np.float64))
    assert np.linalg.norm(points[first]) < 1  # the middle of the others
    assert gains.argmax() == second


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), small=st.integers(1, 19))
def test_a_larger_query_begins_with_the_smaller_one(seed: int, small: int) -> None:
    large = choose(view(seed, 50), 20).positions.tolist()
    assert choose(view(seed, 50), small).positions.tolist() == large[:small]


def test_over_some_candidates_and_a_reference_set_it_comes_near_the_exact_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(1500, 6)) + 4 * rng.integers(0, 3, (1500, 1))
    over = ArrayView(features=points.astype(np.float32))

    def value(positions: np.ndarray) -> float:
        best = np.square(points[:, None] - points[positions][None]).sum(2).min(1)
        scale = 4 * np.square(points - points.mean(0)).sum(1).max()
        return float((scale - best).sum())

    exact = value(choose(over, 40).positions)
    monkeypatch.setattr(submodular, "EXACT", 500)
    monkeypatch.setattr(submodular, "REFERENCE", 500)
    picks = [choose(over, 40, seed) for seed in range(3)]
    drawn = value(rng.choice(1500, 40, replace=False))
    for pick in picks:
        assert len(set(pick.positions.tolist())) == 40
        assert value(pick.positions) > 0.98 * exact
        assert value(pick.positions) > drawn
        assert pick.propensities is None
    assert picks[0].positions.tolist() != picks[1].positions.tolist()


def test_where_not_all_are_candidates_the_whole_pool_can_be_asked_for_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submodular, "EXACT", 10)
    assert sorted(choose(view(0, 60), 60).positions) == list(range(60))


@pytest.mark.parametrize("held", [1, 900, 5000])
def test_what_is_held_of_earlier_looks_changes_nothing(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    over = ArrayView(features=points)
    whole = choose(over, 60)
    monkeypatch.setattr(submodular, "_HELD", held)
    part = choose(over, 60)
    assert part.positions.tolist() == whole.positions.tolist()
    assert part.scores == pytest.approx(whole.scores, rel=1e-4)


def test_rows_are_those_of_who_was_asked_for_whatever_was_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submodular, "_HELD", 64 * 5)
    monkeypatch.setattr(submodular, "_AHEAD", 16)
    points = torch.arange(400.0)[:, None].repeat(1, 5)
    computed: list[int] = []

    class Same:
        width = 5

        def rows(self, some: torch.Tensor) -> torch.Tensor:
            computed.append(len(some))
            return some

    known = submodular._Known(points, Same())  # type: ignore[arg-type]
    assert known.most == 16
    rng = np.random.default_rng(0)
    for _ in range(60):
        wanted = rng.choice(120, rng.integers(1, 17), replace=False)
        bounds = rng.random(400)
        assert known.rows(wanted, bounds)[:, 0].tolist() == wanted.tolist()
    before = len(computed)
    known.rows(wanted, bounds)
    assert len(computed) == before  # all of them were still held
    assert max(computed) == 16  # others were computed with them


def test_exact_picks_are_certain() -> None:
    assert choose(view(0, 30), 5).propensities == pytest.approx([1.0] * 5)
