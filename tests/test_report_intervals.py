"""How sure the figures of a report are, and the units of its times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.report import lasting, wilson
from al.report.intervals import of_scores, scored
from al.report.section import UNITS, unit_of
from al.report.sections.reliability import on_the_whole


def counts(right: int, wrong: int, missed: int) -> np.ndarray:
    """A class in a split of 40 samples, each with one thing at most, [40, 1, 3]."""
    found = np.zeros((40, 1, 3))
    for place, what in enumerate([0] * right + [1] * wrong + [2] * missed):
        found[place, 0, what] = 1
    return found


def test_a_score_of_0_or_1_has_an_interval_that_says_how_few_samples_it_is_of() -> None:
    for right, missed, of_it in ((0, 5, (0.0, 0.606)), (5, 0, (0.722, 1.0)), (20, 0, (0.912, 1.0))):
        low, high = of_scores(counts(right, 0, missed), twice=2)
        assert (low[0], high[0]) == pytest.approx(of_it, abs=1e-3)
    low, high = of_scores(counts(5, 0, 0), twice=1)
    assert (low[0], high[0]) == pytest.approx(wilson(1.0, 5))  # IoU is the share itself
    assert np.isnan(of_scores(counts(0, 0, 0), twice=2)).all()


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.sampled_from([1, 2]))
def test_the_interval_of_a_score_holds_the_score(a: int, b: int, c: int, twice: int) -> None:
    made = counts(a, b, c)
    low, high = of_scores(made, twice)
    value = scored(made.sum(axis=0), twice)
    if a + b + c:
        assert low[0] <= value[0] <= high[0]
        assert high[0] > low[0]


def test_a_model_is_too_sure_only_where_the_difference_is_clear() -> None:
    right = np.arange(400) % 5 > 0
    assert on_the_whole(0.8 - right).startswith("On the whole it is neither too sure nor too")
    assert "cannot be told from 0" in on_the_whole(0.8 - right)
    assert on_the_whole(0.95 - right).startswith("On the whole it is too sure, by 0.1")
    assert on_the_whole(0.6 - right).startswith("On the whole it is not sure enough, by 0.2")
    assert "cannot be told" in on_the_whole(0.95 - right[:1])


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (0.0, "0.0 s"), (9.5, "9.5 s"), (42, "42 s"), (119, "119 s"), (120, "2.0 min"),
        (1_860, "31 min"), (7_199, "120 min"), (7_200, "2.0 h"), (90_000, "25 h"),
        (259_200, "3.0 days"),
    ],
)  # fmt: skip
def test_times_have_the_unit_that_suits_them(seconds: float, message: str) -> None:
    assert lasting(seconds) == message


@given(st.floats(0, 1e9))
def test_of_the_unit_there_are_two_at_least(seconds: float) -> None:
    name, size = unit_of(seconds)
    assert (name, size) in UNITS
    assert seconds >= 2 * size or name == "seconds"
