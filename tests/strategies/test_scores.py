"""Scores by their formulas, on numbers worked out by hand or the long way round."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al import kernels
from al.kernels import entropy_of_mean_and_mean_entropy, largest, two_largest_apart
from al.strategies import ArrayView, build
from al.strategies.condensing import condensed
from al.strategies.epig import _Targets
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


def sure_passes(seed: int, count: int, classes: int = 30, passes: int = 8) -> np.ndarray:
    """Passes that give most classes next to no chance, each sample its own."""
    logits = np.random.default_rng(seed).normal(size=(count, passes, classes)) * 2
    logits[np.random.default_rng(seed + 1).random((count, 1, classes)).repeat(passes, 1) < 0.8] -= (
        40
    )
    p = np.exp(logits - logits.max(2, keepdims=True))
    return (p / p.sum(2, keepdims=True)).astype(np.float32)


def test_classes_that_nobody_believes_in_are_left_out_and_a_millionth_of_the_rest() -> None:
    samples = sure_passes(0, 50)
    seen: list[int] = []
    for rows, part in condensed(samples):
        seen += rows.tolist()
        assert part.shape[2] < 30
        assert (part.mean(1).sum(1) >= 1 - 2e-6).all()
        assert np.isin(part, samples[rows]).all()
    assert sorted(seen) == list(range(50))
    rare = np.zeros((1, 2, 30), np.float32)
    rare[:, :, :6] = [0.6, 0.3, 0.0899, 0.01, 1e-4, 1e-8]  # the fifth counts, the sixth does not
    ((_, part),) = condensed(rare)
    assert part[0, 0, :5].tolist() == rare[0, 0, :5].tolist()
    flat = np.full((3, 2, 30), 1 / 30, np.float32)
    assert [part.shape for _, part in condensed(flat)] == [(3, 2, 30)]


def test_epig_of_sure_models_is_that_of_all_classes() -> None:
    over = ArrayView(samples=sure_passes(0, 40), target_samples=sure_passes(5, 20))
    x, target = over.samples.astype(np.float64), over.target_samples.astype(np.float64)
    joint = np.einsum("ntc,mtd->nmcd", x, target) / 8
    alone = np.einsum("ntc->nc", x)[:, None, :, None] * target.sum(1)[None, :, None] / 64
    gained = (joint * np.log(np.maximum(joint, 1e-300) / np.maximum(alone, 1e-300))).sum((2, 3))
    assert score("epig", over) == pytest.approx(gained.mean(1), abs=2e-5)


def test_epig_looks_no_further_than_where_bald_says_that_there_is_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("al.strategies.epig._AHEAD", 4)
    over = ArrayView(samples=sure_passes(1, 300), target_samples=sure_passes(1, 300)[:30])
    looked: list[int] = []
    original = _Targets.learned_by
    monkeypatch.setattr(
        _Targets,
        "learned_by",
        lambda targets, samples: looked.append(len(samples)) or original(targets, samples),
    )
    picks = build("epig")(over, 5, np.random.default_rng(0))
    assert sum(looked) < 300
    everything = score("epig", over)
    assert picks.scores == pytest.approx(np.sort(everything)[::-1][:5], abs=1e-6)


def test_how_many_threads_there_are_changes_no_bit_and_they_are_left_as_they_were() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(10), (20_000, 20)).astype(np.float32)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            flat = p.reshape(-1, 10)
            scores = [largest(flat), two_largest_apart(flat), kernels.entropy(flat)]
            found.append([*scores, *entropy_of_mean_and_mean_entropy(p)])
            assert torch.get_num_threads() == threads
            with pytest.raises(ZeroDivisionError):
                kernels.in_parallel(range(20), lambda piece: 1 // (piece - 15))  # type: ignore[arg-type]
            assert torch.get_num_threads() == threads
            kernels.in_parallel(range(1), lambda piece: None)  # not worth a thread
            assert torch.get_num_threads() == threads
            with ThreadPoolExecutor(1) as later:
                assert later.submit(torch.get_num_threads).result() == threads
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(np.array_equal(one, two) for one, two in zip(found[0], other, strict=True))


def test_each_thread_works_alone() -> None:
    before = torch.get_num_threads()
    seen: list[tuple[int, int]] = []
    try:
        torch.set_num_threads(2)
        kernels.in_parallel(range(8), lambda piece: seen.append((piece, torch.get_num_threads())))
    finally:
        torch.set_num_threads(before)
    assert sorted(seen) == [(piece, 1) for piece in range(8)]
