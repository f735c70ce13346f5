"""Section: how many more labels a goal will take."""

from __future__ import annotations

import math

import pandas as pd

from al.report.facts import Curve, Facts
from al.report.forecasting import LEAST, Forecast, forecast
from al.report.section import Section, counted, join, p, table

#: Errors of shares that people aim at, and shares of the present value where it is not a share.
ERRORS = (0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01)
LESS = (0.9, 0.8, 0.7)
GOALS = 3


def outlook(facts: Facts) -> Section | None:
    """Forecasts for the campaign's goal, or for what one might aim at next."""
    if len(facts.curve) < LEAST or not (facts.share or facts.lower):
        return None
    rows = []
    goal = facts.config.goal_value
    if goal is not None and facts.validated.reaches(goal, lower=facts.lower) is None:
        judges = facts.validation or int(facts.validated.labels[-1])  # all labels, by folds
        found = _of(facts, facts.validated, goal, judges)
        if found is not None:
            rows.append((f"validation {facts.metric_name} {facts.shown(goal)}, the goal", found))
    for aim in _next(facts):
        if (found := _of(facts, facts.curve, aim, facts.test)) is not None:
            rows.append((f"test {facts.metric_name} {facts.shown(aim)}", found))
    if not rows:
        return None
    now = int(facts.curve.labels[-1])
    heads = ["to reach", "more labels, likely", "80 % interval"]
    heads += ["cost"] if facts.cost else []
    shown = []
    for name, found in rows:
        cells = [
            name,
            _more(found.middle, now),
            f"{_more(found.low, now)} … {_more(found.high, now)}",
        ]
        if facts.cost:
            bounds = (found.low, found.high)
            cells.append(" … ".join(_money((b - now) * facts.cost) for b in bounds))
        shown.append(cells)
    notes = [
        f"From {counted(len(facts.curve), 'point')} of the learning curve, carried on as a power "
        "law with the noise that it shows. On finished campaigns such intervals held in more than "
        "80 % of cases (benchmarks.forecast)."
    ]
    if any(math.isinf(found.high) for _, found in rows):
        notes.append("∞: perhaps never, with this model and such labels.")
    if facts.pool < min(found.middle for _, found in rows) - now:
        notes.append(f"The pool holds {facts.pool:,} more samples.")
    figures = pd.DataFrame(
        [(name, f.low - now, f.middle - now, f.high - now) for name, f in rows],
        columns=["goal", "low", "middle", "high"],
    )
    body = join([table(heads, shown), p(" ".join(notes), "note")])
    return Section("forecast", "What more labels would bring", body, {"forecast": figures})


def _of(facts: Facts, curve: Curve, aim: float, size: int) -> Forecast | None:
    return forecast(
        curve.labels, curve.values, aim, lower=facts.lower, share=facts.share, size=size
    )


def _next(facts: Facts) -> list[float]:
    """The rungs after the best value so far."""
    best = float(facts.curve.best(lower=facts.lower)[-1])
    if facts.share:
        return [1 - error for error in ERRORS if 1 - error > best + 1e-9][:GOALS]
    return [best * share for share in LESS]


def _more(labels: float, now: int) -> str:
    return "∞" if math.isinf(labels) else f"{labels - now:,.0f}"


def _money(cost: float) -> str:
    return "∞" if math.isinf(cost) else f"{cost:,.2f}"
