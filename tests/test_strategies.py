"""Laws that every strategy in the catalog keeps, and each one against brute force."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.errors import StrategyError
from al.kinds import kind_named
from al.strategies import ArrayView, build, by_score, top
from tests.kinds import KINDS
from tests.views import NotedView, view

#: How a strategy is written that needs arguments; the others are their names.
WRITTEN = {
    "power": "power(margin)",
    "softmax": "softmax(entropy, beta=4)",
    "softrank": "softrank(bald)",
    "bandit": "bandit(margin, k_center, random)",
    "sql": 'sql("SELECT id FROM pool ORDER BY id DESC")',
}
CHAINS = [
    "margin(3x) > k_center",
    'sql("SELECT id FROM pool") > entropy(50%) > badge',
    "random(90%) > power(margin, beta=2)",
]
EVERY = [WRITTEN.get(name, name) for name in strategies.names()] + CHAINS
READS_PROBABILITIES = ["entropy", "least_confidence", "margin"]
#: Those whose picks depend on how many are asked for.
BY_SIZE = {"k_means", "typiclust", "cluster_margin", "discriminative", "auto", *CHAINS}
BY_SIZE |= {"clasp", "drop_query", "tcm"}
BY_SIZE |= {WRITTEN["bandit"]}
#: Those that draw, so that ties are settled by chance.
DRAWN = {"random", "badge", "k_means", "typiclust", "discriminative", "outlier", "auto"}
DRAWN |= {"foreground_random", "clasp", "drop_query", "tcm"}
DRAWN |= {*WRITTEN.values(), *CHAINS}
#: Those whose picks are in another order than that of their scores.
UNORDERED = {"typiclust", "cluster_margin", "k_means", "discriminative", "badge", "batch_bald"}
UNORDERED |= {"auto", "clasp", "drop_query", "tcm", CHAINS[1]}
COLD = ["random", "k_center", "k_means", "facility_location", "typiclust", "prob_cover"]
COLD += ["gsx", "outlier", "auto", "max_herding", "tcm", "typiclust(10x) > k_center"]


def view_for(name: str, *args: Any, **more: Any) -> NotedView:
    """A pool of a kind of problem that the strategy has a meaning for."""
    suited = (kind for kind in KINDS if build(name).suits(kind_named(kind)))
    return view(*args, kind=next(suited), **more)


def choose(name: str, over: ArrayView, size: int, seed: int = 0) -> Picks:
    return build(name)(over, size, np.random.default_rng(seed))


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), pool=st.integers(1, 60), data=st.data())
def test_a_query_is_distinct_from_the_pool_and_as_large_as_asked(
    name: str, seed: int, pool: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, pool))
    picks = choose(name, view_for(name, seed, pool), size)
    assert len(picks.positions) == len(picks.scores) == size
    assert len(set(picks.positions.tolist())) == size
    assert picks.positions.min() >= 0
    assert picks.positions.max() < pool
    assert np.isfinite(picks.scores).all()


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99))
def test_the_same_seed_gives_the_same_query(name: str, seed: int) -> None:
    one, two = (choose(name, view_for(name, seed, 40), 10, seed) for _ in range(2))
    assert one.positions.tolist() == two.positions.tolist()
    assert one.scores.tolist() == two.scores.tolist()


@pytest.mark.parametrize("name", sorted(set(EVERY) - BY_SIZE))
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), small=st.integers(1, 19))
def test_a_larger_query_begins_with_the_smaller_one(name: str, seed: int, small: int) -> None:
    large = choose(name, view_for(name, seed, 40), 20, seed).positions.tolist()
    fewer = choose(name, view_for(name, seed, 40), small, seed)
    assert fewer.positions.tolist() == large[:small]


@pytest.mark.parametrize("name", EVERY)
def test_what_a_strategy_reads_of_the_model_it_has_declared(name: str) -> None:
    over = view_for(name, 0, 40)
    choose(name, over, 5)
    of_model = {"probabilities", "samples", "embeddings", "committee", "losses", "target_samples"}
    if name not in ("auto", "tcm"):  # decide as they go, and then let the chosen one declare
        assert over.read & of_model <= set(build(name).reads)


@pytest.mark.parametrize("name", EVERY)
def test_propensities_are_chances(name: str) -> None:
    chances = choose(name, view_for(name, 0, 40), 8).propensities
    assert chances is None or ((chances > 0) & (chances <= 1)).all()


@pytest.mark.parametrize("name", sorted(set(EVERY) - UNORDERED))
def test_scores_fall_from_the_first_pick_to_the_last(name: str) -> None:
    scores = choose(name, view_for(name, 3, 50), 20).scores
    # k_center's first pick with nothing labelled is no farthest point; here something is.
    assert (np.diff(scores) <= 1e-6).all()


@pytest.mark.parametrize("name", sorted(set(EVERY) - DRAWN))
def test_ties_go_to_the_lower_id(name: str) -> None:
    twins = view_for(name, 1, 40)
    for array in (*twins.arrays.values(), *twins.labelled_arrays.values()):
        array[:] = array[:1]
    assert choose(name, twins, 5).positions.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", READS_PROBABILITIES)
def test_what_needs_a_model_says_so_where_there_is_none(name: str) -> None:
    with pytest.raises(StrategyError, match="no model"):
        choose(name, view(0, 20, has_model=False), 5)


@pytest.mark.parametrize("name", COLD)
@pytest.mark.parametrize("labelled", [0, 5])
def test_a_cold_start_needs_no_model_and_no_labels(name: str, labelled: int) -> None:
    assert len(choose(name, view(0, 20, labelled, has_model=False), 5).positions) == 5


def test_random_reads_nothing_of_the_model() -> None:
    over = view(0, 20)
    choose("random", over, 5)
    assert over.read == set()


def test_random_draws_every_sample_equally_often() -> None:
    from scipy.stats import chisquare

    counts = np.zeros(12)
    for seed in range(3000):
        counts[choose("random", view(0, 12), 3, seed).positions] += 1
    assert chisquare(counts).pvalue > 1e-4


def test_random_knows_its_propensities() -> None:
    assert choose("random", view(0, 12), 3).propensities == pytest.approx([0.25] * 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("least_confidence", lambda p: 1 - max(p)),
        ("margin", lambda p: 1 - (sorted(p)[-1] - sorted(p)[-2])),
        ("entropy", lambda p: -sum(x * math.log(x) for x in p if x > 0)),
    ],
)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), classes=st.integers(2, 7))
def test_scores_are_those_of_the_formula(
    name: str, expected: object, seed: int, classes: int
) -> None:
    over = view(seed, 30, classes=classes)
    picks = choose(name, over, 30)
    wanted = [expected(row.tolist()) for row in over.arrays["probabilities"]]  # type: ignore[operator]
    assert picks.scores == pytest.approx([wanted[i] for i in picks.positions], abs=1e-5)


def test_certain_predictions_have_no_entropy() -> None:
    over = view(0, 4)
    over.arrays["probabilities"] = np.eye(4, dtype=np.float32)
    assert choose("entropy", over, 4).scores == pytest.approx([0, 0, 0, 0], abs=1e-30)


def test_one_class_leaves_nothing_to_ask_but_does_not_fail() -> None:
    over = view(0, 4)
    over.arrays["probabilities"] = np.ones((4, 1), np.float32)
    assert choose("margin", over, 2).positions.tolist() == [0, 1]


@pytest.mark.parametrize("labelled", [0, 1, 7])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999))
@example(seed=179)  # two equal samples, at the edge of a block of a matrix product
def test_k_center_picks_what_the_naive_algorithm_picks(labelled: int, seed: int) -> None:
    over = view(seed, 40, labelled)
    points = over.arrays["embeddings"].astype(np.float64)
    centres = over.labelled_arrays["embeddings"].astype(np.float64).tolist()
    picked: list[int] = []
    for _ in range(12):
        if centres:
            distances = np.linalg.norm(points[:, None] - np.array(centres)[None], axis=2).min(1)
        else:
            distances = -np.linalg.norm(points - points.mean(0), axis=1)
        distances[picked] = -np.inf
        picked.append(int(distances.argmax()))
        centres.append(points[picked[-1]].tolist())
    assert choose("k_center", over, 12).positions.tolist() == picked


@pytest.mark.parametrize("labelled", [0, 1])
@pytest.mark.parametrize("working", [1, 4, 16])
def test_k_center_is_greedy_among_crowds_of_equal_distances(
    labelled: int, working: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al.strategies.farthest._WORKING", working)
    points = np.repeat(np.eye(8, dtype=np.float32), 50, axis=0)
    seen = ArrayView(["l"], embeddings=np.zeros((1, 8), np.float32), labels=["a"])
    over = ArrayView(embeddings=points, labelled=seen if labelled else None)
    picks = choose("k_center", over, 12)
    assert picks.positions.tolist() == [*range(0, 400, 50), 1, 2, 3, 4]
    assert picks.scores[8:].tolist() == [0, 0, 0, 0]


def test_batch_bald_without_anything_to_learn_takes_the_lowest_ids() -> None:
    same = np.repeat(view(0, 20).samples[:, :1], 5, axis=1)  # passes that do not differ
    picks = choose("batch_bald", ArrayView(samples=same), 4)
    assert len(set(picks.positions.tolist())) == 4


def test_whole_numbers_are_scores_too() -> None:
    @by_score
    def count(view: ArrayView) -> np.ndarray:
        return np.array([0, 5, 3], np.uint8)

    picks = count(view(0, 3), 3, np.random.default_rng())
    assert picks.positions.tolist() == [1, 2, 0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.data())
def test_the_top_is_what_a_full_stable_sort_gives(scores: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(scores)))
    expected = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:size]
    assert top(np.array(scores, np.float32), size).tolist() == expected


def test_a_score_that_is_no_number_names_its_samples() -> None:
    def broken(view: ArrayView) -> np.ndarray:
        return np.array([0.0, np.nan, np.inf])

    with pytest.raises(StrategyError, match=r"broken gave 2 scores .* \(s0001, s0002\)"):
        by_score(broken)(view(0, 3), 1, np.random.default_rng())  # type: ignore[arg-type]


def test_a_score_of_another_shape_is_refused() -> None:
    def broken(view: ArrayView) -> np.ndarray:
        return np.zeros((3, 2))

    with pytest.raises(StrategyError, match=r"shape \(3, 2\)"):
        by_score(broken)(view(0, 3), 1, np.random.default_rng())  # type: ignore[arg-type]


def test_strategies_run_without_mlflow() -> None:
    code = (
        "import al.catalog, sys; al.catalog.strategies.names(); assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
