"""Scores by their formulas, on numbers worked out by hand or the long way round."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.kernels import entropy_of_mean_and_mean_entropy, largest, two_largest_apart
from al.strategies import ArrayView, build
from tests.views import view


def score(name: str, over: ArrayView) -> np.ndarray:
    found: np.ndarray = build(name).score(over)
    return found


def h(p: np.ndarray) -> float:
    return -sum(x * math.log(x) for x in p.ravel().tolist() if x > 0)


#: Two passes that disagree for certain, two that agree to know nothing, two that differ a little.
SAMPLES = np.array(
    [[[1, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]], [[0.8, 0.2], [0.6, 0.4]]], np.float32
)


def test_bald_is_high_where_passes_are_sure_and_disagree() -> None:
    found = score("bald", ArrayView(samples=SAMPLES))
    third = h(np.array([0.7, 0.3])) - (h(np.array([0.8, 0.2])) + h(np.array([0.6, 0.4]))) / 2
    assert found == pytest.approx([math.log(2), 0, third], abs=1e-6)


def test_variation_ratio_counts_the_votes_against_the_commonest() -> None:
    votes = np.eye(3, dtype=np.float32)[[[0, 0, 1, 2], [1, 1, 1, 1], [0, 0, 2, 2]]]
    assert score("variation_ratio", ArrayView(samples=votes)) == pytest.approx([0.5, 0, 0.5])


def test_mean_std_averages_the_spread_over_classes() -> None:
    assert score("mean_std", ArrayView(samples=SAMPLES)) == pytest.approx([0.5, 0, 0.1])


def test_vote_entropy_is_that_of_the_votes() -> None:
    votes = np.eye(3, dtype=np.float32)[[[0, 0, 1], [1, 1, 1], [0, 1, 2]]]
    expected = [h(np.array([2 / 3, 1 / 3])), 0, math.log(3)]
    assert score("vote_entropy", ArrayView(committee=votes)) == pytest.approx(expected, abs=1e-6)


def test_consensus_kl_is_the_mean_divergence_from_the_mean() -> None:
    members = view(0, 30).committee.astype(np.float64)
    mean = members.mean(1, keepdims=True)
    expected = (members * np.log(members / mean)).sum(2).mean(1)
    over = ArrayView(committee=members.astype(np.float32))
    assert score("consensus_kl", over) == pytest.approx(expected, abs=1e-5)


def test_learning_loss_asks_where_the_predicted_loss_is_highest() -> None:
    over = ArrayView(losses=np.array([0.1, 3.0, -1.0], np.float32))
    assert build("learning_loss")(over, 3, np.random.default_rng(0)).positions.tolist() == [1, 0, 2]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), classes=st.integers(2, 4))
def test_epig_is_the_mean_information_about_the_targets(seed: int, classes: int) -> None:
    over = view(seed, 6, classes=classes)
    found = score("epig", over)
    for row, x in enumerate(over.samples.astype(np.float64)):
        gains = []
        for target in over.target_samples.astype(np.float64):
            joint = np.einsum("tc,td->cd", x, target) / len(x)  # [C, C]
            gains.append(h(x.mean(0)) + h(target.mean(0)) - h(joint))
        assert found[row] == pytest.approx(np.mean(gains), abs=1e-5)
    assert (found >= 0).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), count=st.integers(1, 400), classes=st.integers(2, 40))
def test_maxima_are_those_of_a_full_sort(seed: int, count: int, classes: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(classes), count).astype(np.float32)
    ordered = np.sort(p, axis=1)
    assert np.array_equal(largest(p), ordered[:, -1])
    assert np.array_equal(two_largest_apart(p), ordered[:, -1] - ordered[:, -2])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), count=st.integers(1, 50))
def test_both_entropies_of_passes_are_those_of_the_formula(seed: int, count: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(5), (count, 7)).astype(np.float32)
    of_mean, mean_of = entropy_of_mean_and_mean_entropy(p)
    assert of_mean == pytest.approx([h(row.mean(0)) for row in p], abs=1e-5)
    assert mean_of == pytest.approx([np.mean([h(t) for t in row]) for row in p], abs=1e-5)


def test_the_sign_of_every_uncertainty_is_right() -> None:
    """A sample that the model is sure of is asked about after one that it is not sure of."""
    sure, unsure = np.array([0.98, 0.01, 0.01]), np.array([0.34, 0.33, 0.33])
    rng = np.random.default_rng(0)
    samples = np.stack([rng.dirichlet(60 * sure, 10), rng.dirichlet(2 * unsure, 10)])
    samples = samples.astype(np.float32)
    over = ArrayView(
        probabilities=samples.mean(1), samples=samples, committee=samples, target_samples=samples
    )
    names = ["margin", "entropy", "least_confidence", "bald", "mean_std", "variation_ratio"]
    for name in [*names, "vote_entropy", "consensus_kl", "epig"]:
        assert build(name)(over, 1, np.random.default_rng(0)).positions.tolist() == [1], name


def test_a_pool_seen_through_windows_has_the_scores_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = view(0, 50)
    names = ["margin", "entropy", "bald", "epig", "vote_entropy", "contrastive"]
    whole = {name: score(name, over) for name in names}
    monkeypatch.setattr("al.strategies.ranking.WINDOW", 7)
    for name in names:
        assert score(name, over) == pytest.approx(whole[name], abs=1e-6), name
