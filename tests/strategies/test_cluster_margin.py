from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.catalog import strategies
from al.contracts import Picks
from al.strategies import ArrayView, cluster_margin
from tests.views import view


def choose(over: ArrayView, size: int) -> Picks:
    picks: Picks = strategies.get("cluster_margin")(over, size, np.random.default_rng(0))
    return picks


def held(margins: np.ndarray, embeddings: np.ndarray) -> ArrayView:
    p = np.stack([0.5 + margins / 2, 0.5 - margins / 2], axis=1).astype(np.float32)
    return ArrayView(probabilities=p, embeddings=embeddings.astype(np.float32))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(2, 6))
def test_picks_are_those_of_the_naive_algorithm(seed: int, size: int) -> None:
    from sklearn.cluster import AgglomerativeClustering

    rng = np.random.default_rng(seed)
    margins, points = rng.random(100), rng.normal(size=(100, 3))
    shortlist = np.argsort(margins.astype(np.float32), kind="stable")[: 10 * size]
    labels = AgglomerativeClustering(size, linkage="average").fit_predict(points[shortlist])
    clusters = [shortlist[labels == label].tolist() for label in range(size)]
    clusters.sort(key=lambda members: (len(members), margins[members[0]]))
    wanted: list[int] = []
    while len(wanted) < size:
        wanted += [members.pop(0) for members in clusters if members]
    picks = choose(held(margins, points), size)
    assert picks.positions.tolist() == wanted[:size]
    assert picks.scores == pytest.approx(1 - margins[picks.positions], abs=1e-5)


def test_from_the_smallest_cluster_to_the_largest_and_round_again() -> None:
    group = np.repeat([0, 1, 2], [5, 12, 13])
    points = 100.0 * np.eye(3)[group] + np.random.default_rng(0).normal(size=(30, 3))
    picks = choose(held(np.linspace(0.1, 0.9, 30), points), 3)
    assert picks.positions.tolist() == [0, 5, 17]
    # Asked for all there is, it goes round until the smallest is empty.
    points = points[:20]
    points[10:] += 1e4
    picks = choose(held(np.linspace(0.1, 0.9, 20), points), 20)
    assert sorted(picks.positions) == list(range(20))


def test_only_the_shortlist_is_asked_about() -> None:
    rng = np.random.default_rng(0)
    margins = rng.random(300)
    picks = choose(held(margins, rng.normal(size=(300, 3))), 5)
    assert set(picks.positions) <= set(np.argsort(margins)[:50])


def test_beyond_what_is_linked_the_others_join_the_nearest_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(4), [100, 50, 30, 20]))
    points = 100.0 * np.eye(4)[group] + rng.normal(size=(200, 4))
    monkeypatch.setattr(cluster_margin, "LINKED", 40)  # cut into four
    picks = choose(held(rng.random(200), points), 20)
    assert group[picks.positions[:4]].tolist() == [3, 2, 1, 0]
    assert np.bincount(group[picks.positions]).tolist() == [5, 5, 5, 5]


def test_it_draws_nothing() -> None:
    assert choose(view(0, 30), 5).propensities == pytest.approx([1.0] * 5)
