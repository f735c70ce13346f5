"""Greedy sampling for numbers, and drawing by foreground, against the long way round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from al.errors import ConfigError, StrategyError
from al.strategies import ArrayView, build


def numbers(seed: int, pool: int, labelled: int) -> ArrayView:
    """A pool with predicted numbers, some of its samples doubled."""
    rng = np.random.default_rng(seed)

    def arrays(count: int) -> dict[str, Any]:
        found = {
            "features": rng.normal(size=(count, 3)).round(1),
            "probabilities": np.abs(rng.normal(size=(count, 2))).round(2) + 0.1,
        }
        for array in found.values() if count > 3 else ():
            array[1] = array[0]
        return found

    seen = ArrayView(
        [f"l{n}" for n in range(labelled)],
        labels=rng.normal(size=labelled).round(2).tolist(),
        kind="number",
        **arrays(labelled),
    )
    return ArrayView(labelled=seen if labelled else None, kind="number", **arrays(pool))


def naive(view: ArrayView, size: int, by: str) -> list[float]:
    """The scores of picks, one by one in float64; equal ones may be picked in any order."""
    x, y = view.features.astype(float), view.probabilities[:, 0].astype(float)
    known = [(a.astype(float), float(b)) for a, b in _labelled(view)]
    left, scores = list(range(len(x))), []
    for _ in range(size):

        def distance(n: int) -> float:
            apart = [
                (np.linalg.norm(x[n] - a) if "x" in by else 1) * (abs(y[n] - b) if "y" in by else 1)
                for a, b in known
            ]
            return float(min(apart))

        pick = max(left, key=distance)
        scores.append(distance(pick))
        left.remove(pick)
        known.append((x[pick], y[pick]))
    return scores


def _labelled(view: ArrayView) -> Any:
    return zip(view.labelled.features, view.labelled.labels, strict=True)


@pytest.mark.parametrize(("name", "by"), [("gsx", "x"), ("gsy", "y"), ("igs", "xy")])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), pool=st.integers(1, 25), labelled=st.integers(1, 9))
def test_greedy_sampling_picks_as_its_formula_says(
    name: str, by: str, seed: int, pool: int, labelled: int
) -> None:
    over = numbers(seed, pool, labelled)
    size = min(pool, 8)
    picks = build(name)(over, size, np.random.default_rng(0))
    assert len(set(picks.positions.tolist())) == size
    assert picks.scores == pytest.approx(naive(over, size, by), abs=1e-5)


@pytest.mark.parametrize("name", ["gsx", "gsy", "igs"])
def test_with_nothing_labelled_greedy_sampling_still_picks(name: str) -> None:
    picks = build(name)(numbers(0, 12, 0), 12, np.random.default_rng(0))
    assert sorted(picks.positions.tolist()) == list(range(12))
    assert np.isfinite(picks.scores).all()


def test_products_are_told_apart_beyond_single_precision() -> None:
    bit = 2.0**-23  # the last of a float32 near 1
    x, y = np.array([[1 + 2 * bit], [1 + bit]]), np.array([[1.0, 1], [1 + bit, 1]])
    known = ArrayView(features=np.zeros((1, 1)), labels=[0.0], kind="number")
    over = ArrayView(features=x, probabilities=y, labelled=known, kind="number")
    # (1 + bit)² exceeds 1 + 2 bit by bit², which float32 does not know
    assert build("igs")(over, 1, np.random.default_rng(0)).positions.tolist() == [1]


def test_variance_asks_where_the_model_says_it_knows_least() -> None:
    p = np.array([[5.0, 0.1], [1.0, 3.0], [9.0, 2.0]])
    picks = build("variance")(ArrayView(probabilities=p, kind="number"), 3, np.random.default_rng())
    assert picks.positions.tolist() == [1, 2, 0]


def test_expected_boxes_sums_over_classes() -> None:
    p = np.array([[2.0, 1.5], [0.5, 0.1], [0.0, 9.0]])
    picks = build("expected_boxes")(ArrayView(probabilities=p, kind="boxes"), 3, None)  # type: ignore[arg-type]
    assert picks.positions.tolist() == [2, 0, 1]
    assert picks.scores == pytest.approx([9, 3.5, 0.6])


@pytest.mark.parametrize("share", [0.0, 0.66, 1.0])
def test_foreground_random_draws_each_sample_as_often_as_its_weight_says(share: float) -> None:
    background = np.array([0.9, 0.5, 0.1, 0.5])
    p = np.stack([background, 1 - background], axis=1)
    view = ArrayView(probabilities=p, kind="mask")
    strategy = build(f"foreground_random(share={share})")
    counts = np.zeros(4)
    for seed in range(3000):
        counts[strategy(view, 1, np.random.default_rng(seed)).positions] += 1
    expected = (1 - share) / 4 + share * (1 - background) / (1 - background).sum()
    assert chisquare(counts, 3000 * expected).pvalue > 1e-4


def test_foreground_random_draws_uniformly_where_there_is_no_foreground() -> None:
    p = np.tile([1.0, 0.0], (5, 1))
    picks = build("foreground_random")(
        ArrayView(probabilities=p, kind="mask"), 5, np.random.default_rng(0)
    )
    assert sorted(picks.positions.tolist()) == [0, 1, 2, 3, 4]
    with pytest.raises(ConfigError, match="give a share from 0 to 1"):
        build("foreground_random(share=2)")


@pytest.mark.parametrize("name", ["gsy", "igs"])
def test_predicted_numbers_that_are_none_are_refused_in_a_line(name: str) -> None:
    predicted = np.ones((50, 2), np.float32)
    predicted[3, 0] = np.nan
    features = np.random.default_rng(0).normal(size=(50, 3))
    view = ArrayView(probabilities=predicted, features=features, kind="number")
    with pytest.raises(StrategyError, match=r"1 samples have predicted numbers.*000000003"):
        build(name)(view, 5, np.random.default_rng(0))
