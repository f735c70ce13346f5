"""A trial's curve is that of the campaign with the same parameters, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al.config import Config
from al.errors import AlError, StrategyError
from al.experiment.plan import Job
from al.experiment.prepared import look_again, makings_of, settled, tried
from al.experiment.trial import run_trial
from tests.conftest import SMALL

CASES: dict[str, dict[str, Any]] = {
    "margin, and a champion that may stay": {"strategy": "margin", "cycles": 3},
    "a committee, stochastic passes, calibration": {
        "strategy": "vote_entropy(5x) > bald", "candidates": 2, "calibrate": "on", "passes": 4,
        "promote": "always",
    },
    "memory, uniform draws, even classes": {
        "strategy": "bandit(margin, k_center)", "explore": 0.3, "cycles": 3, "seed": 2, "epochs": 2,
    },
    "weights of the champion, a budget": {
        "strategy": "k_center", "init": "shrink-perturb", "label_budget": 45, "cycles": 4,
        "copies": "keep", "epochs": 2, "balance": "on",
    },
    "folds that elect and calibrate": {
        "strategy": "epig", "validation": "folds", "validation_size": 100, "calibrate": "on",
        "passes": 4, "epochs": 2, "cycles": 3, "initial_size": 20,
    },
}  # fmt: skip


def curve(campaign: Any) -> list[tuple[int, float]]:
    """(labels, metric) of a real campaign, by cycle."""
    result = campaign.run()
    return [(int(labels), value) for labels, value in result.curve.to_numpy().tolist()]


def simulated(**parameters: Any) -> list[tuple[int, float]]:
    """The same of a trial."""
    look_again()
    makings = makings_of(settled(Config.from_dict(parameters)))
    return [(p.labels, p.test[makings.task.metric]) for p in run_trial(makings)]


@pytest.mark.parametrize("parameters", CASES.values(), ids=CASES)
def test_a_trial_has_the_curve_of_its_campaign(
    parameters: dict[str, Any], campaign: Callable[..., Any]
) -> None:
    assert simulated(**{**SMALL, **parameters}) == curve(campaign(**parameters))


@pytest.mark.slow
def test_a_trial_on_rows_of_ones_own_asks_about_those_that_have_a_label(
    folder: Path, campaign: Callable[..., Any]
) -> None:
    some = pd.DataFrame({"x": range(120), "y": ["a", "b", "a"] * 40})
    some.loc[::5, "y"] = None  # no trial can know their labels
    some.loc[110:, "x"] = 7  # copies
    some.to_csv(folder / "rows.csv", index=False)
    mine = {"task": "table", "data": "rows.csv", "target": "y", "validation_size": 10,
            "cycles": 9, "initial_size": 20, "query_size": 20, "strategy": "margin"}  # fmt: skip
    points = simulated(**{**SMALL, **mine})
    assert points == curve(campaign(**mine))
    assert points[-1][0] < 96 - 10


def test_a_trial_that_fails_says_which_it_is() -> None:
    config = settled(Config.from_dict({**SMALL, "task": "digits", "strategy": "margin"}))
    job = Job("margin", 3, (("lr", 0.1),), config.replace(strategy="vote_entropy"))
    with pytest.raises(StrategyError, match=r"^margin, seed 3, lr=0.1: a committee needs two"):
        tried(None, job)


def test_what_a_campaign_would_refuse_is_refused(folder: Path) -> None:
    for wrong in ({"strategy": "igs"}, {"validation_size": 100_000}, {"task": "nope"}):
        with pytest.raises(AlError):
            settled(Config.from_dict({"strategy": "margin", **wrong}))
