"""Strategies as text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.errors import ConfigError, StrategyError, UnknownName
from al.strategies import build, by_score, check_reads
from tests.views import view


@by_score
def plain(view, beta=1.0):
    return view.confidence * beta


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("margin", "margin"),
        (" power( bald ,beta = 2 )", "power(bald, beta=2)"),
        ("margin(10x)>k_center", "margin(10x) > k_center"),
        ("sql('SELECT \"id\" FROM pool')>badge", "sql('SELECT \"id\" FROM pool') > badge"),
        ("random(20%) > entropy(500) > k_means", "random(20%) > entropy(500) > k_means"),
        ("bandit(margin(2x) > badge, random)", "bandit(margin(2x) > badge, random)"),
        ("outlier(method=local_outlier_factor)", 'outlier(method="local_outlier_factor")'),
        ("contrastive(5x, neighbours=3) > random", "contrastive(5x, neighbours=3) > random"),
        ("examples.lonely:lonely(10x) > badge", "examples.lonely:lonely(10x) > badge"),
    ],
)
def test_a_text_is_understood_and_written_in_one_way(text: str, written: str) -> None:
    assert build(text).text == written
    assert build(written).text == written


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found the end: write the name of a strategy"),
        ("marginn", "did you mean 'margin'"),
        ("badge(10x) > zzz", "> ⟨here⟩zzz: unknown strategy"),
        ("margin  §!", "strategy margin  ⟨here⟩§!: '§!' is not a part of a strategy"),
        ("sql(  'SELECT", r"sql\(  ⟨here⟩'SELECT: a text in quotes does not end"),
        ("margin(10x) > k_centre", "> ⟨here⟩k_centre: unknown strategy.*did you mean 'k_center'"),
        ("margin > k_center", "⟨here⟩margin.*does not say how many it leaves: write margin.10x."),
        ("margin(10x)", "the last link picks the query, so give it no size"),
        ("margin(0x) > random", "margin would leave 0x"),
        ("margin(10y) > random", r"margin\(⟨here⟩10y.*not a part of a strategy"),
        ("margin(10x) >", r"margin\(10x\) >⟨here⟩: found the end"),
        ("margin(", "found the end"),
        ("margin)", "found '\\)': write '>' or the end"),
        ("power", "power does not take 0 arguments: give it .scored."),
        ("power(badge)", "badge picks sets"),
        ("power('margin')", "its scored is a strategy"),
        ("power(margin beta=2)", "found 'beta': write ',' or '\\)'"),
        ("tests.strategies.test_expression:plain(beta=2)", r"behind a \*, \(view, …, \*, beta=…\)"),
        ("power(margin, bta=2)", "no parameter 'bta': did you mean 'beta'"),
        ("power(margin, beta='2')", "is not a number"),
        ("contrastive(neighbours=1.5)", "is not a whole number"),
        ("sql(margin)", "its statement is a text in quotes"),
        ("sql('SELECT", "does not end: close it"),
        ("sql('DELETE FROM pool')", "begins with SELECT"),
        ("bandit(margin)", "two strategies or more"),
        ("bandit(margin, margin)", "the same strategy twice"),
        ("bandit(margin, random, least=0.9)", "at most 1/2"),
        ("no.such.module:thing", "no module named"),
        ("mine.py:thing", "write mine:thing"),
        ("textwrap:reg", "has no 'reg': choose one of"),  # re is a module that it imports
        ("textwrap:dedent", r"does not take \(view, query_size, rng\): put @by_score"),
        ("math:pi", "is not a strategy"),
        ("os:path", "is not a strategy"),
        ("power(-2)", "its scored is a strategy"),
        ('bandit(margin, "x")', "its arms is a strategy"),
        ("bandit(margin, -1)", "its arms is a strategy"),
        ("bandit(10x, margin, random) > badge", "make it the last link"),
        ("bandit(bandit(margin, random), badge)", "use it alone"),
        ("power(" * 2000, "too deep"),
    ],
)
def test_a_text_that_is_wrong_is_reported_where_and_what_to_write(text: str, says: str) -> None:
    with pytest.raises((ConfigError, UnknownName), match=says) as caught:
        build(text)
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=30),
        st.lists(
            st.sampled_from(
                [
                    "margin",
                    "badge",
                    "power",
                    "(",
                    ")",
                    ">",
                    ",",
                    "10x",
                    "beta=",
                    "2",
                    "-1",
                    "0.5",
                    '"a"',
                    "bandit",
                ]
            ),
            max_size=8,
        ).map(" ".join),
    )
)
def test_any_text_is_a_strategy_or_a_clear_error(text: str) -> None:
    try:
        assert build(text).text
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right


def test_each_link_of_a_chain_narrows_the_pool_for_the_next() -> None:
    over = view(0, 60)
    chain = build("entropy(3x) > k_center")(over, 5, np.random.default_rng(0))
    shortlist = np.sort(build("entropy")(over, 15, np.random.default_rng(0)).positions)
    inside = build("k_center")(over.narrow(shortlist), 5, np.random.default_rng(0))
    assert chain.positions.tolist() == shortlist[inside.positions].tolist()
    assert set(chain.reasons) == {"k_center"}


@pytest.mark.parametrize(("size", "left"), [("3x", 15), ("20%", 12), ("9", 9), ("1", 5)])
def test_a_size_is_a_multiple_a_share_or_a_number_and_never_less_than_the_query(
    size: str, left: int
) -> None:
    over = view(0, 60)
    seen = set()
    for seed in range(200):
        chain = build(f"entropy({size}) > random")
        seen |= set(chain(over, 5, np.random.default_rng(seed)).positions.tolist())
    shortlist = build("entropy")(over, left, np.random.default_rng(0))
    assert seen == set(shortlist.positions.tolist())


def test_the_propensities_of_a_chain_are_known_where_what_comes_before_is_certain() -> None:
    over, rng = view(0, 60), np.random.default_rng(0)
    known = build("margin(3x) > random")(over, 5, rng)
    assert known.propensities == pytest.approx([5 / 15] * 5)
    assert build("random(3x) > margin")(over, 5, rng).propensities is None


def test_a_strategy_that_can_never_run_is_reported_before_anything_starts() -> None:
    with pytest.raises(StrategyError, match="cold_start=margin reads the model's probabilities"):
        check_reads(build("margin"), candidates=1, has_model=False)
    with pytest.raises(StrategyError, match="give candidates=3"):
        check_reads(build("vote_entropy(5x) > badge"), candidates=1, has_model=True)
    check_reads(build("vote_entropy(5x) > badge"), candidates=3, has_model=True)
    check_reads(build("k_center"), candidates=1, has_model=False)
