"""BADGE against k-means++ over the gradient embeddings, made and held."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

import al.strategies.seeding as module
from al.strategies import ArrayView, build


def gradients(over: ArrayView) -> np.ndarray:
    """[N, C·D]."""
    p, h = over.probabilities.astype(np.float64), over.embeddings.astype(np.float64)
    a = p - np.eye(p.shape[1])[p.argmax(1)]
    return (a[:, :, None] * h[:, None, :]).reshape(len(p), -1)


def pool(count: int, seed: int = 0) -> ArrayView:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), count).astype(np.float32)
    h = (rng.normal(size=(count, 4)) + rng.integers(0, 2, (count, 1)) * 3).astype(np.float32)
    return ArrayView(probabilities=p, embeddings=h)


def chances(over: ArrayView, size: int) -> dict[tuple[int, ...], float]:
    """The probability of each sequence under k-means++ by its definition."""
    g = gradients(over)
    apart = ((g[:, None] - g[None]) ** 2).sum(-1)
    found = {}
    for order in permutations(range(len(g)), size):
        chance = 1 / len(g)
        for place in range(1, size):
            nearest = apart[:, order[:place]].min(1)
            chance *= nearest[order[place]] / nearest.sum()
        found[order] = chance
    return found


@pytest.mark.parametrize("refresh", ["seldom", "always"])
def test_picks_follow_the_exact_distribution_of_k_means_plus_plus(
    refresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PROPOSALS", 4)
    if refresh == "always":
        original = module.Seeding.draw

        def draw(self: module.Seeding, rng: np.random.Generator) -> list[tuple[int, float]]:
            self.rejected = np.inf
            return original(self, rng)

        monkeypatch.setattr(module.Seeding, "draw", draw)
    over, strategy, draws = pool(5), build("badge"), 4000
    expected = chances(over, 3)
    counts = dict.fromkeys(expected, 0)
    rng = np.random.default_rng(0)
    for _ in range(draws):
        counts[tuple(strategy(over, 3, rng).positions.tolist())] += 1
    often = [order for order, chance in expected.items() if draws * chance > 5]
    rare = [order for order in expected if order not in set(often)]
    seen = [counts[o] for o in often] + [sum(counts[o] for o in rare)]
    wanted = [draws * expected[o] for o in often] + [draws * sum(expected[o] for o in rare)]
    if not rare:
        seen, wanted = seen[:-1], wanted[:-1]
    assert chisquare(seen, wanted).pvalue > 1e-3


def test_a_score_is_the_squared_distance_to_the_nearest_earlier_pick() -> None:
    over = pool(700)  # more than one block of a refresh, and of proposals
    picks = build("badge")(over, 300, np.random.default_rng(0))
    g = gradients(over)[picks.positions]
    assert picks.scores[0] == pytest.approx((g[0] ** 2).sum(), rel=1e-4)
    for place in range(1, 300):
        nearest = ((g[place] - g[:place]) ** 2).sum(1).min()
        assert picks.scores[place] == pytest.approx(nearest, rel=1e-3, abs=1e-5)


def test_of_equal_samples_one_is_picked_before_all_distinct_ones_are() -> None:
    over = pool(8)
    doubled = ArrayView(
        probabilities=np.repeat(over.probabilities, 5, 0),
        embeddings=np.repeat(over.embeddings, 5, 0),
    )
    for seed in range(20):
        picks = build("badge")(doubled, 8, np.random.default_rng(seed)).positions
        assert len({int(row) // 5 for row in picks}) == 8


def test_when_nothing_is_left_but_equals_the_lowest_ids_follow() -> None:
    over = pool(2)
    doubled = ArrayView(
        probabilities=np.repeat(over.probabilities, 3, 0),
        embeddings=np.repeat(over.embeddings, 3, 0),
    )
    picks = build("badge")(doubled, 6, np.random.default_rng(0)).positions.tolist()
    assert len({row // 3 for row in picks[:2]}) == 2
    assert picks[2:] == sorted(set(range(6)) - set(picks[:2]))


def test_how_large_gradients_are_does_not_matter() -> None:
    over = pool(60)
    small = ArrayView(probabilities=over.probabilities, embeddings=over.embeddings / 1024)
    one, two = (build("badge")(each, 20, np.random.default_rng(0)) for each in (over, small))
    assert one.positions.tolist() == two.positions.tolist()


def test_an_outlier_with_nearly_all_of_the_potential_does_not_end_the_query() -> None:
    embeddings = np.random.default_rng(0).normal(size=(100_000, 4)).astype(np.float32)
    embeddings[777] = 1e5
    view = ArrayView(probabilities=np.full((100_000, 2), 0.5), embeddings=embeddings)
    picks = build("badge")(view, 20, np.random.default_rng(1))
    assert 777 in picks.positions
    assert (picks.scores > 0).all()  # 0 is that of copies of what was picked
