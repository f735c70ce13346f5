"""k-means, its seeds, and who belongs to which cluster."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from al.strategies import clusters
from al.strategies.clusters import assigned, k_means
from al.strategies.geometry import nearest
from tests.strategies.test_geometry import points


def test_k_means_finds_clusters_that_are_plain_to_see() -> None:
    middles = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [50.0, 50.0]])
    ours = middles.repeat(100, 1) + points(0, 400, 2)
    for seed in range(5):
        centres = k_means(ours, 4, np.random.default_rng(seed))
        assert nearest(middles, centres)[0].max() < 0.5


def test_k_means_is_as_good_as_scikit_learns() -> None:
    from sklearn.cluster import KMeans

    ours = points(0, 600)
    theirs = KMeans(12, n_init=1, random_state=0).fit(ours.numpy()).inertia_
    found = [
        float(nearest(ours, k_means(ours, 12, np.random.default_rng(seed)))[0].square().sum())
        for seed in range(5)
    ]
    assert np.mean(found) < 1.05 * theirs


def test_k_means_makes_no_more_clusters_than_there_are_distinct_points() -> None:
    ours = points(0, 3).repeat(10, 1) + 100
    centres = k_means(ours, 7, np.random.default_rng(0))
    assert len(centres) == 3
    np.testing.assert_allclose(nearest(ours, centres)[0], 0, atol=1e-4)


def test_k_means_plus_plus_draws_by_squared_distance() -> None:
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [1.0, 2.0]])
    drawn = [clusters._spread(corners, 2, np.random.default_rng(seed)) for seed in range(2000)]
    apart = [int((one - two).square().sum()) for one, two in drawn]
    # From any corner of the rectangle the others are 1, 4 and 5 away.
    shares = np.bincount(apart, minlength=6)[[1, 4, 5]] / 2000
    assert shares == pytest.approx(np.array([1, 4, 5]) / 10, abs=0.03)


def test_k_means_stops_when_another_round_gains_next_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds: list[int] = []
    original = clusters.nearest
    monkeypatch.setattr(
        clusters, "nearest", lambda *given: rounds.append(len(given[1])) or original(*given)
    )
    middles = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [50.0, 50.0]])
    k_means(middles.repeat(100, 1) + points(0, 400, 2), 4, np.random.default_rng(0))
    # a seed in each cluster, their means, and the same again
    assert rounds == [4, 4, 4]


def test_among_many_centres_the_nearest_groups_hold_the_nearest_or_one_about_as_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    middles = 3 * rng.normal(size=(20, 16))
    ours = torch.from_numpy(
        (middles[rng.integers(0, 20, 4000)] + rng.normal(size=(4000, 16))).astype(np.float32)
    )
    centres = ours[::10].clone()
    exact = nearest(ours, centres)[0][:, 0]
    monkeypatch.setattr(clusters, "_MANY", 100)
    monkeypatch.setattr(clusters, "_ROWS", 700)
    distances, labels = assigned(ours, centres)
    assert torch.allclose(distances, (ours - centres[labels]).norm(dim=1), atol=1e-5)
    assert (distances >= exact - 1e-5).all()
    assert (distances <= exact + 1e-5).float().mean() > 0.98
    assert float(distances.square().sum()) < 1.005 * float(exact.square().sum())
    monkeypatch.setattr(clusters, "_PROBES", 20)  # all groups there are
    assert torch.allclose(assigned(ours, centres)[0], exact, atol=1e-5)


def test_seeds_of_many_points_are_distinct_and_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = points(0, 300).repeat(4, 1)
    seeds = clusters._spread(ours, 300, np.random.default_rng(0))
    assert len(torch.unique(seeds, dim=0)) == 300
