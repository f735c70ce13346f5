"""Forecasts of labels: on curves that are power laws, and on those of finished campaigns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from al.report.forecasting import LEAST, forecast
from benchmarks.curves import CURVES
from benchmarks.forecast import trials

LABELS = np.arange(20, 220, 20)


def test_a_curve_that_is_a_power_law_reaches_the_goal_where_its_formula_says() -> None:
    values = 1 - 4.0 * LABELS**-0.7  # 0.10 after 194 labels, 0.05 after 523
    found = forecast(LABELS, values, 0.95, lower=False, share=True, size=100_000)
    assert found is not None
    assert found.low <= 523 <= found.high
    assert found.middle == pytest.approx(523, rel=0.2)


def test_less_is_better_where_errors_are_no_shares() -> None:
    values = 900.0 * LABELS**-0.5  # 63.6 after 200 labels, 46.5 after 375
    found = forecast(LABELS, values, 46.5, lower=True, share=False, size=100_000)
    assert found is not None
    assert found.low <= 400 <= found.high


def test_a_goal_beyond_a_plateau_may_never_come() -> None:
    values = 0.8 - 40.0 * LABELS**-2.0
    found = forecast(LABELS, values, 0.95, lower=False, share=True, size=100_000)
    assert found is not None
    assert np.isinf(found.high)


def test_noise_widens_the_interval_and_the_same_curve_gives_the_same_forecast() -> None:
    rng = np.random.default_rng(1)
    smooth = 1 - 4.0 * LABELS**-0.7
    rough = smooth + rng.normal(0, 0.02, len(LABELS))
    calm, wild, again = (
        forecast(LABELS, values, 0.93, lower=False, share=True, size=100_000)
        for values in (smooth, rough, rough)
    )
    assert calm
    assert wild
    assert wild == again
    assert wild.high - wild.low > calm.high - calm.low


def test_too_few_points_say_nothing() -> None:
    few = LABELS[: LEAST - 1]
    values = 1 - 4.0 * few**-0.7
    assert forecast(few, values, 0.95, lower=False, share=True, size=100) is None


def test_on_finished_campaigns_intervals_hold_in_at_least_80_of_100_cases() -> None:
    curves = pd.read_csv(CURVES)
    digits = curves[(curves["task"] == "digits") & (curves["seed"] == 0)]
    found = pd.DataFrame(list(trials(digits)))
    assert len(found) > 50
    assert found["holds"].mean() >= 0.8
    assert found["holds"][found["known"]].mean() >= 0.8
    assert (found["high"] < np.inf).mean() > 0.3  # and it says something
