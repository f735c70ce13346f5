"""A bound on the errors of what is labelled: exact, and held over all looks together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, hypergeom

from al.compare import answers_needed, bound, level, plan


def test_two_in_a_hundred_takes_149_answers_without_an_error() -> None:
    assert answers_needed(0, 10**8, 0.02, 0.05) == 149
    assert bound(0, 149, 10**8, 0.05) <= 0.02 < bound(0, 148, 10**8, 0.05)
    # Looks that may follow cost: the first takes more, the second more again.
    assert [answers_needed(0, 10**8, 0.02, level(look, 0.95)) for look in (1, 2)] == [183, 237]


def test_the_levels_of_all_looks_add_up_to_what_the_confidence_leaves() -> None:
    spent = [level(look, 0.95) for look in range(1, 100_000)]
    assert sum(spent) == pytest.approx(0.05, rel=1e-4)
    assert sum(spent) < 0.05


def test_out_of_many_samples_the_bound_is_that_of_clopper_and_pearson() -> None:
    for wrong, asked in ((0, 50), (3, 200), (20, 90)):
        exact = binomtest(wrong, asked).proportion_ci(0.9, "exact").high  # two-sided
        assert bound(wrong, asked, 10**7, 0.05) == pytest.approx(exact, abs=1e-4)


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(1, 300), st.integers(1, 10**6), st.floats(0.005, 0.3))
def test_the_bound_is_never_below_that_of_clopper_and_pearson(
    wrong: int, more: int, rest: int, alpha: float
) -> None:
    asked = wrong + more
    exact = binomtest(wrong, asked).proportion_ci(1 - 2 * alpha, "exact").high
    assert bound(wrong, asked, asked + rest, alpha) >= exact - 1e-12


def test_nothing_is_promised_of_a_region_that_is_drawn_whole_or_all_wrong() -> None:
    assert bound(0, 10, 10, 0.05) == 1.0
    assert bound(5, 5, 100, 0.05) == 1.0


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_the_chance_to_label_a_finite_rest_that_has_too_many_errors_is_at_most_alpha(
    data: st.DataObject,
) -> None:
    """By all that can be drawn, not by trying: whatever the number of errors in the region."""
    region = data.draw(st.integers(20, 250))
    asked = data.draw(st.integers(5, region - 1))
    error = data.draw(st.sampled_from([0.02, 0.05, 0.1, 0.3]))
    alpha = data.draw(st.sampled_from([0.05, 0.025, 0.2]))
    passes = [x for x in range(asked + 1) if bound(x, asked, region, alpha) <= error]
    assert passes == list(range(len(passes)))  # fewer errors never do worse
    for errors in range(region + 1):
        found = np.array([x for x in passes if errors - x > error * (region - asked) + 1e-9])
        if len(found):
            assert hypergeom.pmf(found, region, errors, asked).sum() <= alpha + 1e-9


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 4), st.integers(50, 3000), st.sampled_from([0.02, 0.05]), st.floats(0.005, 0.1)
)
def test_as_many_answers_as_are_needed_pass_and_no_fewer(
    wrong: int, region: int, error: float, alpha: float
) -> None:
    needed = answers_needed(wrong, region, error, alpha)
    if needed is None:
        tried = range(wrong + 1, region, 7)
        assert all(bound(wrong, asked, region, alpha) > error for asked in tried)
    else:
        assert bound(wrong, needed, region, alpha) <= error
        assert needed == 1 or bound(wrong, needed - 1, region, alpha) > error


def test_a_plan_takes_what_the_model_is_sure_of_and_known_samples_confirm() -> None:
    sure = np.r_[np.full(2000, 0.999), np.full(2000, 0.9)]
    known, right = np.full(100, 0.999), np.ones(100, bool)
    found = plan(sure, known, right, error=0.02, alpha=0.025, most=500)
    assert found is not None
    assert (found.threshold, found.size) == (0.999, 2000)
    assert found.answers == answers_needed(found.wrong, 2000, 0.02, 0.025, 500)
    assert found.likely > 0.5
    # Where known samples show the confidence to be wrong, nobody is asked.
    doubt = right.copy()
    doubt[:3] = False
    assert plan(sure, known, doubt, error=0.02, alpha=0.025, most=500) is None
    assert plan(sure, known, right, error=0.02, alpha=0.025, most=182) is None
    # Nor where people answer nearly as much as is labelled.
    assert plan(sure[:300], known, right, error=0.02, alpha=0.025, most=500) is None
