from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from al.catalog import strategies
from al.contracts import Picks
from al.errors import ConfigError
from al.strategies import ArrayView, build
from al.strategies.discriminative import _Network
from tests.views import view


def choose(over: ArrayView, size: int, seed: int = 0, **more: int) -> Picks:
    rng = np.random.default_rng(seed)
    picks: Picks = strategies.get("discriminative")(over, size, rng, **more)
    return picks


def blobs(seed: int, sizes: list[int], labelled: list[int]) -> tuple[ArrayView, np.ndarray]:
    """Clusters apart, labels in some of them, and whose each sample of the pool is."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    seen = np.repeat(labelled, 20)

    def at(groups: np.ndarray) -> np.ndarray:
        found = 6 * np.eye(len(sizes))[groups] + rng.normal(size=(len(groups), len(sizes)))
        return np.asarray(found, dtype=np.float32)

    return ArrayView(features=at(group), labelled=ArrayView(features=at(seen))), group


@pytest.mark.parametrize("seed", range(3))
def test_what_is_unlike_all_labels_is_asked_for(seed: int) -> None:
    over, group = blobs(seed, [300, 30, 30], labelled=[0])
    picks = choose(over, 10, seed, rounds=1)
    assert (group[picks.positions] > 0).mean() >= 0.9


@pytest.mark.parametrize("seed", range(3))
def test_sub_queries_keep_a_query_from_one_place(seed: int) -> None:
    # Cluster 0 has labels; the others are small, so that a few picks make them known.
    over, group = blobs(seed, [300, 12, 12, 12, 12], labelled=[0])
    picks = choose(over, 16, seed, rounds=8)
    assert len(set(group[picks.positions]) - {0}) >= 3


def test_it_learns_for_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    seen: list[int] = []
    original, learn = torch.optim.Adam.step, _Network.learn

    def counted(self: torch.optim.Adam) -> None:
        steps[-1] += 1
        original(self)

    def begun(self: _Network, *given: Any) -> None:
        steps.append(0)
        learn(self, *given)

    call = _Network.__call__
    monkeypatch.setattr(torch.optim.Adam, "step", counted)
    monkeypatch.setattr(_Network, "learn", begun)
    monkeypatch.setattr(_Network, "__call__", lambda n, x: seen.append(len(x)) or call(n, x))
    rng = np.random.default_rng(0)
    seen_before = ArrayView(features=rng.normal(size=(30, 2)))
    choose(ArrayView(features=rng.normal(size=(3000, 2)), labelled=seen_before), 9, rounds=3)
    assert steps == [200, 100, 100]
    assert set(seen) == {2 * 128, 3000}  # of either class in a step, and the scores of all


def test_scores_are_probabilities_less_the_number_of_the_sub_query() -> None:
    over, _ = blobs(0, [50, 50], labelled=[0])
    scores = choose(over, 12, rounds=4).scores
    turns = np.repeat(np.arange(4), 3)
    assert ((scores + turns >= 0) & (scores + turns <= 1)).all()
    assert (np.diff(scores) <= 0).all()


def test_with_nothing_labelled_the_first_sub_query_is_drawn_uniformly() -> None:
    from scipy.stats import chisquare

    over = view(0, 8, labelled=0, has_model=False)
    counts = np.zeros(8)
    for seed in range(800):
        counts[choose(over, 1, seed).positions] += 1
    assert chisquare(counts).pvalue > 1e-4


def test_nothing_is_drawn_from_or_left_in_torchs_generator() -> None:
    over, _ = blobs(0, [50, 50], labelled=[0])
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = choose(over, 10)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert choose(over, 10).positions.tolist() == first.positions.tolist()


def test_it_learns_where_gradients_are_switched_off() -> None:
    over, _ = blobs(0, [50, 50], labelled=[0])
    with torch.no_grad():
        assert choose(over, 10).positions.tolist() == choose(over, 10).positions.tolist()


def test_a_constant_feature_does_no_harm() -> None:
    over = ArrayView(features=np.ones((9, 3)), labelled=ArrayView(features=np.ones((2, 3))))
    picks = choose(over, 9)
    assert picks.positions.tolist() == list(range(9))
    assert np.isfinite(picks.scores).all()


def test_no_rounds_are_refused() -> None:
    with pytest.raises(ConfigError, match="rounds=0"):
        build("discriminative(rounds=0)")
