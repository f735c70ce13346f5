from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.strategies import ArrayView, typiclust
from tests.views import view


def choose(
    features: np.ndarray, size: int, labelled: np.ndarray | None = None, seed: int = 0
) -> Picks:
    seen = ArrayView(features=labelled.astype(np.float32)) if labelled is not None else None
    over = ArrayView(features=features.astype(np.float32), labelled=seen)
    picks: Picks = strategies.get("typiclust")(over, size, np.random.default_rng(seed))
    return picks


def blobs(seed: int, sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Clusters far apart, and whose each sample is."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return 100 * np.eye(len(sizes))[group] + rng.normal(size=(len(group), len(sizes))), group


def naive_typicality(members: np.ndarray) -> np.ndarray:
    apart = np.sort(np.linalg.norm(members[:, None] - members[None], axis=2), axis=1)
    return 1 / apart[:, 1:21].mean(1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_the_most_typical_of_each_cluster_is_asked_for_the_largest_cluster_first(
    seed: int,
) -> None:
    pool, group = blobs(seed, [40, 30, 20, 10])
    picks = choose(pool, 4, seed=seed)
    # k-means errs for some four seeds of a thousand, other ones with each processor.
    assume(len(set(group[picks.positions])) == 4)
    assert group[picks.positions].tolist() == [0, 1, 2, 3]
    for cluster, pick in enumerate(picks.positions):
        members = np.flatnonzero(group == cluster)
        assert members[naive_typicality(pool[members]).argmax()] == pick


def test_clusters_with_labels_come_after_those_without() -> None:
    pool, group = blobs(0, [40, 30, 20, 10])
    labelled = 100 * np.eye(4)[:2]  # in the two largest
    # Six clusters of what are four to the eye: two of them are split.
    picks = group[choose(pool, 4, labelled).positions]
    assert set(picks[:2]) & {2, 3} or len(set(picks)) >= 3


def test_where_there_are_fewer_clusters_than_wanted_it_goes_round_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(typiclust, "CLUSTERS", 3)
    pool, group = blobs(1, [9, 6, 3])
    picks = choose(pool, 18)
    assert group[picks.positions].tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, *[0, 1] * 3, 0, 0, 0]
    assert (np.diff(picks.scores) < 0).sum() == 17
    assert sorted(picks.positions) == list(range(18))


def test_labels_count_as_picks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typiclust, "CLUSTERS", 3)
    pool, group = blobs(2, [9, 6, 3])
    labelled = 100 * np.eye(3)[[0, 0, 1]] + 0.5  # two in the largest, one in the next
    picks = group[choose(pool, 5, labelled).positions].tolist()
    assert picks == [2, 1, 2, 0, 1]


def test_equal_samples_are_no_division_by_zero() -> None:
    picks = choose(np.ones((30, 4)), 6)
    assert picks.positions.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.isfinite(picks.scores).all()


@pytest.mark.parametrize("pool", [1, 2, 3])
def test_tiny_pools_work_with_and_without_labels(pool: int) -> None:
    for labelled in (0, 4):
        over = view(0, pool, labelled, has_model=False)
        picks = strategies.get("typiclust")(over, pool, np.random.default_rng(0))
        assert sorted(picks.positions) == list(range(pool))


def test_in_a_huge_cluster_neighbours_among_some_tell_the_dense_from_the_sparse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    pool = np.vstack([rng.normal(size=(300, 3)), 0.1 * rng.normal(size=(300, 3))])
    monkeypatch.setattr(typiclust, "_SOUGHT", 200)
    assert choose(pool, 1).positions[0] >= 300


def test_the_most_typical_of_a_huge_cluster_are_measured_among_all_its_members(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = np.random.default_rng(0).normal(size=(1500, 3))
    monkeypatch.setattr(typiclust, "CLUSTERS", 1)
    exact = np.argsort(-naive_typicality(pool))[:6]
    monkeypatch.setattr(typiclust, "_SOUGHT", 400)
    assert len({*choose(pool, 6).positions.tolist()} & {*exact.tolist()}) >= 5
    monkeypatch.setattr(typiclust, "_AGAIN", 1)  # looked at once, a sample of them is not enough
    assert len({*choose(pool, 6).positions.tolist()} & {*exact.tolist()}) < 5


def test_picks_are_denser_than_the_pool() -> None:
    rng = np.random.default_rng(0)
    pool = rng.normal(size=(800, 4))
    picks = choose(pool, 20).positions
    density = naive_typicality(pool)
    assert density[picks].mean() > 1.1 * density.mean()
