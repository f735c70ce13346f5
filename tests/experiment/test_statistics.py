"""The statistics, against scipy, against what is known, and against chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from al.experiment.statistics import (
    Interval,
    area,
    band,
    differences,
    holm,
    labels_to,
    mean_of,
    ranking,
    saving,
    seeds_more,
)

LABELS = np.array([20.0, 40.0, 80.0])
figures = st.floats(-10, 10, allow_nan=False, width=32)


def test_the_area_is_the_mean_height_over_the_labels() -> None:
    curves = np.array([[0.0, 1.0, 1.0], [0.5, 0.5, 0.5]])
    assert area(LABELS, curves) == pytest.approx([(20 * 0.5 + 40 * 1.0) / 60, 0.5])
    assert area(LABELS[:1], curves[:, :1]) == pytest.approx([0.0, 0.5])


def test_the_mean_has_students_interval() -> None:
    values = np.array([0.1, 0.4, 0.2, 0.9])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert mean_of(values) == pytest.approx((values.mean(), low, high))
    assert math.isnan(mean_of(values[:1]).low)
    assert Interval(0.5, 0.4, 0.6).text() == "0.500 ± 0.100"
    assert Interval(0.5, 0.4, 0.6).text(1, sign=True) == "+0.5 ± 0.1"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_corrects_as_its_definition_says(p: list[float]) -> None:
    found = holm(p)
    for row, value in enumerate(p):
        before = [q for q in p if q <= value]
        # the largest over the smaller ones of p · how many are at least as large
        steps = [q * (len(p) - sorted(p).index(q)) for q in before]
        assert found[row] == pytest.approx(min(1.0, max(steps)))


@given(arrays(np.float64, (8, 2), elements=figures))
def test_a_difference_has_the_p_of_scipys_paired_test_and_says_no_more(values: np.ndarray) -> None:
    ours, theirs = values.T
    (found,) = differences([ours], theirs)
    spread = ours - theirs
    if np.ptp(spread) > 1e-6:
        assert found.p == pytest.approx(stats.ttest_rel(ours, theirs).pvalue, abs=1e-6)
    if found.verdict != "not told apart":
        assert not found.mean.low <= 0 <= found.mean.high
        assert (found.verdict == "better") == (found.mean.value > 0)
        assert found.more is None


def test_less_is_better_where_the_metric_says_so() -> None:
    more, less = np.array([1.0, 1.1, 0.9, 1.0, 1.05]), np.full(5, 0.5)
    assert differences([more], less)[0].verdict == "better"
    assert differences([more], less, lower=True)[0].verdict == "worse"


def test_the_same_in_all_seeds_is_told_by_as_many_coins() -> None:
    base = np.zeros(4)
    assert differences([base], base)[0].verdict == "not told apart"
    assert differences([base + 1], base)[0].verdict == "not told apart"  # 4 heads: p = 0.125
    assert differences([np.ones(6)], np.zeros(6))[0].verdict == "better"  # p = 0.031


def test_nothing_is_called_better_by_chance_more_often_than_promised() -> None:
    """500 experiments of 4 strategies that are random's equals: at most 34 with a false word."""
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(500):
        seeds = rng.normal(size=(20, 1))  # what all strategies of a seed share
        areas = (seeds + rng.normal(size=(20, 5))).T
        found = differences(list(areas[1:]), areas[0])
        false += any(one.verdict != "not told apart" for one in found)
    assert 5 <= false <= 34


def test_a_known_gain_is_found_and_its_interval_covers_it() -> None:
    rng = np.random.default_rng(1)
    found = covered = 0
    for _ in range(200):
        base = rng.normal(size=20)
        (one,) = differences([base + 0.1 + rng.normal(scale=0.1, size=20)], base)
        found += one.verdict == "better"
        covered += one.mean.low <= 0.1 <= one.mean.high
    assert found >= 190
    assert 180 <= covered <= 199


def test_seeds_more_are_those_of_the_usual_formula() -> None:
    values = np.array([0.0, 0.02, -0.01, 0.03, 0.01])
    n = ((1.959964 + 0.841621) * values.std(ddof=1) / values.mean()) ** 2
    assert seeds_more(values) == math.ceil(n) - 5
    assert seeds_more(np.zeros(5)) is None
    assert seeds_more(np.array([1.0])) is None


def test_a_band_for_all_cycles_is_wider_than_for_each_and_covers_all() -> None:
    rng = np.random.default_rng(2)
    everywhere = each = 0
    for _ in range(100):
        curves = rng.normal(size=(20, 8))
        low, high = band(curves, everywhere=True)
        everywhere += bool((low <= 0).all() and (high >= 0).all())
        low, high = band(curves)
        each += bool((low <= 0).all() and (high >= 0).all())
    assert everywhere >= 88
    assert each < everywhere
    flat = np.ones((5, 3))
    assert (band(flat, everywhere=True) == 1).all()


def test_labels_to_a_level_are_interpolated_and_endless_where_it_is_not_reached() -> None:
    curves = np.array([[0.2, 0.6, 0.9], [0.8, 0.1, 0.1], [0.1, 0.2, 0.3]])
    assert labels_to(0.75, LABELS, curves).tolist() == [60.0, 20.0, math.inf]
    assert labels_to(0.15, LABELS, curves, lower=True).tolist()[1] == pytest.approx(38.57, abs=0.01)


def test_a_saving_is_the_median_and_counts_what_never_arrives_as_a_loss() -> None:
    ours, theirs = np.full(9, 60.0), np.full(9, 80.0)
    found = saving(ours, theirs, 100)
    assert found is not None
    assert found == pytest.approx((0.25, 0.25, 0.25))
    ours[0] = math.inf
    assert saving(ours, theirs, 100) is not None
    ours[:5] = math.inf
    assert saving(ours, theirs, 100) is None  # the median is endless
    never = np.full(9, math.inf)
    assert saving(never, never, 100) is None
    assert saving(np.full(9, 60.0), never, 100) == pytest.approx((0.4, 0.4, 0.4))  # at least
    assert saving(ours[:3], theirs[:3], 100) is None  # no interval of 95 % from 3 seeds


@given(arrays(np.float64, 12, elements=st.floats(1, 100)))
def test_the_interval_of_a_saving_is_one_of_order_statistics(ours: np.ndarray) -> None:
    found = saving(ours, np.full(12, 50.0), 100)
    assert found is not None
    ordered = np.sort(1 - ours / 50)
    assert found.low in ordered
    assert found.high in ordered
    assert found.low <= found.value <= found.high


def test_strategies_over_settings_are_ranked_as_demsar_does() -> None:
    """Table 6 of Demšar 2006 has 4 classifiers on 14 data sets and a critical difference of 1.25
    at 0.05."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(14, 4))
    found = ranking(-scores)
    assert found is not None
    assert found.critical == pytest.approx(1.25, abs=0.005)
    assert found.ranks == pytest.approx(stats.rankdata(-scores, axis=1).mean(axis=0))
    assert found.p == pytest.approx(stats.friedmanchisquare(*scores.T).pvalue)
    assert ranking(scores[:2]) is None
    assert ranking(scores[:, :2]) is None
    alike = ranking(np.ones((3, 3)))
    assert alike is not None
    assert alike.p == 1.0
