"""What can be asked of any strategy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.contracts import Picks, Query
from al.data_selector import select
from al.strategies import ArrayView, build
from tests.views import view

STRATEGIES = ["margin", "badge", "random", "k_center", "power(entropy)", "margin(3x) > k_means"]


def query(text: str, over: Any, size: int, seed: int = 0, **more: Any) -> Query:
    rng = np.random.default_rng(seed)
    return select(build(text), over, size, rng, name=text, model="none", **more)


@pytest.mark.parametrize("text", STRATEGIES)
@settings(max_examples=10, deadline=None)
@given(
    size=st.integers(1, 40), explore=st.sampled_from([0.0, 0.1, 0.5, 1.0]), balance=st.booleans()
)
def test_a_modified_query_is_still_distinct_and_as_large_as_asked(
    text: str, size: int, explore: float, balance: bool
) -> None:
    found = query(text, view(0, 40), size, explore=explore, balance=balance)
    assert len(found.ids) == len(set(found.ids)) == size


def test_a_share_of_the_query_is_drawn_from_what_the_strategy_leaves() -> None:
    over = view(0, 40)
    found = query("margin", over, 10, explore=0.3)
    own = query("margin", over, 7)
    assert found.ids[:7] == own.ids
    assert found.reasons[7:] == ("explore",) * 3
    assert found.propensities[:7] == (1.0,) * 7
    assert found.propensities[7:] == pytest.approx((3 / 33,) * 3)


@pytest.mark.parametrize("text", ["margin", "power(margin, beta=3)", "random", "badge"])
def test_sums_weighted_by_one_over_the_propensity_are_unbiased(text: str) -> None:
    over = view(0, 30)
    values = np.random.default_rng(5).normal(size=30) + 2
    at = dict(zip(over.ids, values, strict=True))
    sums = []
    for seed in range(1500):
        found = query(text, over, 10, seed, explore=0.4)
        sums.append(sum(at[i] / p for i, p in zip(found.ids, found.propensities, strict=True)))
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - values.sum()) < 4 * error


def skewed() -> ArrayView:
    """Ninety of a hundred samples look like class a, and those are the uncertain ones."""
    rng = np.random.default_rng(0)
    p = np.tile([0.5, 0.3, 0.2], (100, 1)) + rng.uniform(0, 0.02, (100, 3))
    p[90:95] = [0.1, 0.8, 0.1]
    p[95:] = [0.1, 0.1, 0.8]
    return ArrayView(probabilities=(p / p.sum(1, keepdims=True)).astype(np.float32))


def predicted(found: Query, over: ArrayView) -> list[int]:
    rows = [over.ids.index(id) for id in found.ids]
    return sorted(np.bincount(over.probabilities[rows].argmax(1), minlength=3).tolist())


def test_predicted_classes_take_turns() -> None:
    over = skewed()
    assert predicted(query("least_confidence", over, 12), over) == [0, 0, 12]
    assert predicted(query("random", over, 12, balance=True), over)[0] >= 2


def test_classes_that_have_labels_wait() -> None:
    over = skewed()
    labelled = ArrayView(
        [f"l{n}" for n in range(10)],
        probabilities=over.probabilities[:10],
        labels=["0"] * 5 + ["1"] * 5,
    )
    known = ArrayView(over.ids, labelled=labelled, probabilities=over.probabilities)
    found = query("random", known, 3, balance=True)
    rows = [known.ids.index(id) for id in found.ids]
    assert known.probabilities[rows].argmax(1).tolist().count(2) >= 1


def test_a_class_without_labels_catches_up_before_the_others_get_more() -> None:
    p = np.tile(np.eye(3) * 0.8 + 0.1, (8, 1)).astype(np.float32)  # three classes, as many each
    labelled = ArrayView(
        [f"l{n}" for n in range(9)],
        probabilities=p[:9],
        labels=["0"] * 5 + ["1"] * 4,
    )
    over = ArrayView(labelled=labelled, probabilities=p)
    found = query("random", over, 6, balance=True)
    rows = [over.ids.index(id) for id in found.ids]
    assert np.bincount(p[rows].argmax(1), minlength=3).tolist() == [0, 1, 5]


def ranked(classes: list[int]) -> tuple[ArrayView, Any]:
    """A pool whose samples are asked for in their order, and the classes the model takes them
    for."""

    def in_order(view: ArrayView, query_size: int, rng: np.random.Generator) -> Picks:
        positions = np.arange(query_size)
        return Picks(positions, 1.0 - positions / 100)

    return ArrayView(probabilities=np.eye(max(classes) + 1)[classes]), in_order


def test_even_classes_are_sought_among_five_times_the_query() -> None:
    for place, there in ((19, True), (20, False)):
        classes = [0] * 40
        classes[place] = 1
        over, in_order = ranked(classes)
        found = select(
            in_order, over, 4, np.random.default_rng(0), name="own", model="none", balance=True
        )
        assert (over.ids[place] in found.ids) == there


@pytest.mark.parametrize("more", [{"explore": 0.01}, {"audit": 0.01}])
def test_the_least_share_is_one_sample(more: dict[str, float]) -> None:
    found = query("margin", view(0, 40), 10, **more)
    assert found.reasons.count("margin") == 9
    assert found.scores[9] == min(found.scores[:9])  # a draw stands after what was wanted


@pytest.mark.parametrize("more", [{"explore": 1.0}, {"audit": 1.0}])
def test_where_all_are_drawn_nothing_was_scored(more: dict[str, float]) -> None:
    assert query("margin", view(0, 40), 5, **more).scores == (0.0,) * 5


def test_a_budget_counts_what_samples_cost() -> None:
    over = view(0, 60)
    costs = np.random.default_rng(1).uniform(1, 9, 60)
    priced = ArrayView(over.ids, probabilities=over.probabilities, costs=costs)
    found = query("margin", priced, 10, budget=True)
    rows = [priced.ids.index(id) for id in found.ids]
    assert costs[rows].sum() <= costs.mean() * 10
    assert costs[rows].sum() > costs.mean() * 10 * 0.9
    assert costs[rows].mean() < costs.mean()  # cheap ones first
    assert len(found.ids) > 10
    assert "of a budget of" in found.why


def test_equal_costs_change_nothing() -> None:
    over = view(0, 60)
    assert query("margin", over, 10, budget=True).ids == query("margin", over, 10).ids


def test_a_query_is_never_empty() -> None:
    over = view(0, 10)
    scores = build("margin").score(over)
    dear = np.where(scores >= np.sort(scores)[-5], 99.0, 1.0)
    priced = ArrayView(over.ids, probabilities=over.probabilities, costs=dear)
    found = query("margin", priced, 1, budget=True)
    assert len(found.ids) == 1
    assert "1 samples for 99 of a budget of 50" in found.why


def test_classes_stay_even_where_costs_count() -> None:
    over = skewed()
    alone, both = (query("random", over, 12, balance=True, budget=b) for b in (False, True))
    assert predicted(alone, over)[0] >= 2
    assert predicted(both, over)[0] >= 2


@pytest.mark.parametrize("text", [*STRATEGIES, "bandit(margin, random)"])
@pytest.mark.parametrize("more", [{}, {"balance": True}, {"budget": True}, {"explore": 0.2}])
def test_an_audit_slice_is_part_of_any_query(text: str, more: dict[str, Any]) -> None:
    found = query(text, view(0, 40), 10, audit=0.3, **more)
    assert len(found.ids) == len(set(found.ids))
    assert found.reasons.count("audit") == 3
    audits = [p for p, r in zip(found.propensities, found.reasons, strict=True) if r == "audit"]
    assert audits == [pytest.approx(3 / 40)] * 3


def test_every_sample_has_the_same_chance_to_be_in_the_audit_slice() -> None:
    over = view(0, 20)
    count = dict.fromkeys(over.ids, 0)
    for seed in range(600):
        found = query("margin", over, 5, seed, audit=0.4)
        for id, reason in zip(found.ids, found.reasons, strict=True):
            count[id] += reason == "audit"
    expected = 600 * 2 / 20
    assert sum((n - expected) ** 2 / expected for n in count.values()) < 43.8  # χ²(19), 0.1 %


def test_an_audit_slice_by_doubt_is_drawn_more_where_the_champion_is_less_sure() -> None:
    sure = np.where(np.arange(60) < 20, 0.6, 0.999)
    ids = [f"{row:02d}" for row in range(60)]
    over = ArrayView(ids, probabilities=np.stack([sure, 1 - sure], axis=1))
    truth = np.random.default_rng(0).random(60)
    count, sums = np.zeros(60), []
    for seed in range(400):
        found = query("margin", over, 10, seed, audit=0.6, audit_by="doubt")
        rows = [row for row, why in enumerate(found.reasons) if why == "audit-doubted"]
        places = [over.ids.index(found.ids[row]) for row in rows]
        assert len(rows) == len(set(places)) == 6
        count[places] += 1
        chances = np.array([found.propensities[row] for row in rows], float)
        sums.append((truth[places] / chances).sum())
    assert count[:20].mean() > 1.5 * count[20:].mean()
    assert count.min() > 0  # everything has a chance
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - truth.sum()) < 4 * error


def test_a_champion_without_doubts_is_audited_uniformly() -> None:
    certain = ArrayView([f"{n}" for n in range(20)], probabilities=np.eye(4)[np.arange(20) % 4])
    found = query("random", certain, 5, audit=1.0, audit_by="doubt")
    assert found.reasons == ("audit-doubted",) * 5
    assert len({round(chance, 9) for chance in found.propensities}) == 1


def test_a_query_that_is_all_audit_needs_no_strategy() -> None:
    found = query("margin", view(0, 20), 5, audit=1.0)
    assert found.reasons == ("audit",) * 5


@pytest.mark.parametrize(
    ("text", "covers"),
    [
        ("random", True), ("power(margin)", True), ("softmax(entropy)", True), ("margin", False),
        ("badge", False), ("margin(3x) > random", False), ("margin(100%) > random", True),
    ],
)  # fmt: skip
def test_a_query_says_whether_every_sample_had_a_chance(text: str, covers: bool) -> None:
    assert query(text, view(0, 40), 5).covers is covers
    assert query(text, view(0, 40), 5, audit=0.4).covers is covers
    assert query(text, view(0, 40), 5, explore=0.4).covers


@pytest.mark.parametrize("text", ["margin", "power(entropy)", "margin(3x) > k_means"])
@pytest.mark.parametrize("more", [{"budget": True}, {"balance": True}, {"explore": 0.2}])
def test_a_pick_of_the_strategy_says_so_whatever_else_is_asked_for(
    text: str, more: dict[str, Any]
) -> None:
    own = set(query(text, view(0, 40), 10).reasons)
    found = query(text, view(0, 40), 10, audit=0.3, **more)
    assert set(found.reasons) - {"audit", "explore"} == own
