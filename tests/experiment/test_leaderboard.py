"""Leaderboards of curves that are made up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from al.experiment.leaderboard import Curves, Leaderboard
from al.experiment.trial import Point


def trial(values: Sequence[float], labels: Sequence[int] = (10, 20, 30)) -> list[Point]:
    """A curve of accuracy."""
    pairs = zip(labels, values, strict=True)
    return [Point(n, {"accuracy": v, "loss": 1 - v}, 0.5, 1.0) for n, v in pairs]


def seeds(values: Sequence[float], gain: float = 0.0, count: int = 8) -> list[list[Point]]:
    """Curves over seeds that differ between seeds, and a little for each strategy."""
    rng = np.random.default_rng(round(1e5 * abs(gain)))
    common = np.linspace(-0.05, 0.05, count)
    return [
        trial([v + c + gain + e for v, e in zip(values, rng.normal(0, 0.006, 3), strict=True)])
        for c in common
    ]


def board(trials: Mapping[str, list[list[Point]]], **parts: object) -> Leaderboard:
    """Their leaderboard by accuracy."""
    how: dict[str, object] = {"lower": False, "level": None, **parts}
    return Leaderboard.of(Curves.of(trials, "accuracy"), "accuracy", **how)  # type: ignore[arg-type]


BASE = [0.4, 0.6, 0.7]


def test_the_best_comes_first_with_its_gain_and_what_it_saves() -> None:
    found = board({"random": seeds(BASE), "margin": seeds(BASE, 0.06), "badge": seeds(BASE, 0.002)})
    assert found.rows[0].strategy == "margin"
    best = found.rows[0]
    assert best.against_random is not None
    assert best.against_random.verdict == "better"
    assert best.against_random.mean.value == pytest.approx(0.06, abs=0.005)
    assert best.against_best is None
    assert best.saving is not None
    assert best.saving.low > 0
    assert (best.choosing, best.total) == (0.5, 4.5)
    assert found.level == pytest.approx(0.7, abs=0.01)
    assert found.sentence().startswith(
        "margin is better than random: mean accuracy over the curve +0.06"
    )
    assert "it saves" in found.sentence()
    assert "badge" not in found.sentence()


def test_what_is_not_told_apart_is_not_called_better() -> None:
    found = board({"random": seeds(BASE), "badge": seeds(BASE, 0.0005)})
    assert found.sentence().startswith(
        "no strategy is distinguishably better than random in 8 seeds"
    )
    alike = board({"random": seeds(BASE), "a": seeds(BASE, 0.06), "b": seeds(BASE, 0.061)})
    assert "not told apart from it: a" in alike.sentence()


def test_less_is_better_of_a_loss() -> None:
    trials = {"random": seeds(BASE), "worse": seeds(BASE, 0.05)}
    found = board(trials, lower=True, level=0.5)
    assert [row.strategy for row in found.rows] == ["random", "worse"]
    assert found.rows[1].against_random is not None
    assert found.rows[1].against_random.verdict == "worse"


def test_a_level_that_is_never_reached_is_reported() -> None:
    found = board({"random": seeds(BASE), "margin": seeds(BASE, 0.06)}, level=0.99)
    assert set(found.table()["labels to 0.99"]) == {"never"}
    assert set(found.table()["saved"]) == {""}
    some = board({"random": seeds(BASE), "margin": seeds(BASE, 0.06)}, level=0.78)
    (row,) = [row for row in some.rows if row.strategy == "margin"]
    assert 0 < row.reached < 8
    assert f"({row.reached} of 8)" in some.table()["labels to 0.78"][0]


def test_curves_with_other_numbers_of_labels_are_compared_where_all_have_some() -> None:
    trials = {
        "random": [trial(BASE), trial(BASE)],
        "margin": [trial(BASE, (12, 22, 40)), trial(BASE, (12, 22, 28))],
    }
    curves = Curves.of(trials, "accuracy")
    assert curves.labels.tolist() == [12, 20, 22, 28]
    assert curves.values["random"][0] == pytest.approx([0.44, 0.6, 0.62, 0.68])


def test_the_files_hold_every_figure_and_no_gap_is_a_zero() -> None:
    found = board({"random": seeds(BASE), "margin": seeds(BASE, 0.06)}).figures()
    random = found.set_index("strategy").loc["random"]
    assert math.isnan(random["less_random"])
    assert math.isnan(random["saving"])
    margin = found.set_index("strategy").loc["margin"]
    assert margin["less_random_low"] < margin["less_random"] < margin["less_random_high"]
    assert margin["less_random_verdict"] == "better"
