"""Power noise on entropy, shared among the classes of pixels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from al.errors import ConfigError
from al.strategies import ArrayView, build

#: Four images by three classes; the first class is the background.
APART = np.array([[0.9, 0.1, 0.3], [0.9, 0.2, 0.0], [0.9, 0.3, 0.1], [0.9, 0.4, 0.6]], np.float32)


def images(apart: np.ndarray) -> ArrayView:
    measures = {"entropy.classes": apart, "entropy.mean": apart.sum(axis=1)}
    return ArrayView(
        [f"{row:03d}" for row in range(len(apart))],
        probabilities=apart, kind="mask", classes=("ground", "cat", "dog"), measures=measures,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "size", "expected"),
    [
        (0.66, 12, {"clasp: cat": 4, "clasp: dog": 4, "clasp: entropy": 4}),
        (1.0, 6, {"clasp: cat": 3, "clasp: dog": 3}),
        (0.0, 6, {"clasp: entropy": 6}),
        (0.66, 40, {"clasp: cat": 13, "clasp: dog": 13, "clasp: entropy": 14}),
    ],
)
def test_the_share_is_parted_evenly_among_the_classes_but_the_background(
    share: float, size: int, expected: dict[str, int]
) -> None:
    view = images(np.random.default_rng(0).random((40, 3)).astype(np.float32))
    picks = build(f"clasp(share={share})")(view, size, np.random.default_rng(0))
    assert Counter(picks.reasons) == expected
    assert len(set(picks.positions.tolist())) == size


def test_who_gets_one_more_where_the_share_does_not_part_evenly_is_drawn() -> None:
    view, first = images(APART), Counter[str]()
    for seed in range(200):
        first.update(build("clasp(share=1)")(view, 1, np.random.default_rng(seed)).reasons)
    assert set(first) == {"clasp: cat", "clasp: dog"}
    assert min(first.values()) > 60


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_a_class_draws_in_proportion_to_a_power_of_its_own_score(beta: float) -> None:
    counts = np.zeros(4)
    for seed in range(3000):
        picks = build(f"clasp(share=1, beta={beta})")(images(APART), 2, np.random.default_rng(seed))
        counts[picks.positions[0]] += 1  # that of the first class
    weights = APART[:, 1].astype(float) ** beta
    assert chisquare(counts, 3000 * weights / weights.sum()).pvalue > 1e-4


@pytest.mark.parametrize(
    ("text", "says"),
    [("clasp(share=1.5)", "give a share from 0 to 1"), ("clasp(beta=-1)", "beta=-1 is negative")],
)
def test_what_makes_no_sense_is_told_before_anything_starts(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build(text)
