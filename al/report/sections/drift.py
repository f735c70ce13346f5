"""Section: how the champion did on new answers, and whether new samples look different."""

from __future__ import annotations

import pandas as pd

from al.report.facts import Facts
from al.report.plot import Plot, widened
from al.report.section import Markup, Section, figure, grid

_ROWS = ("value", "low", "high", "plain", "samples", "drift", "drift_p", "drift_from_training")


def drift(facts: Facts) -> Section | None:
    """Compare's estimates by cycle, and the tests for drift."""
    found = facts.verdicts
    known = [name for name in _ROWS if name in found]
    if "value" not in known or not found["value"].notna().any():
        return None
    kpi = facts.config.kpi_value
    if kpi is None and "drift" not in known:
        return None  # it decided nothing and tested nothing
    table = found[known][found["value"].notna()]
    parts = [_estimates(facts, table, kpi)]
    if "drift" in table and table["drift"].notna().any():
        parts.append(_drift(table[table["drift"].notna()]))
    return Section("drift", "New answers, and drift", grid(*parts), {"drift": table.reset_index()})


def _estimates(facts: Facts, table: pd.DataFrame, kpi: float | None) -> Markup:
    values = [*table["value"], *table.get("low", []), *table.get("high", [])]
    values += [] if kpi is None else [kpi]
    plot = Plot(
        widened(float(table.index.min()), float(table.index.max()), 0.05),
        widened(min(values), max(values)),
        ("cycle", f"{facts.metric_name} on new answers"),
        x_marks=_marks(table),
    )
    if "low" in table:
        plot.band(table.index, table["low"], table["high"], 0)
    plot.line(table.index, table["value"], 0)
    if kpi is not None:
        plot.rule(y=kpi, text=f"KPI {kpi:g}")
    caption = (
        "The champion on answers that it has not learned from, with the 95 % interval. Where the "
        "interval reaches the KPI's wrong side, the cycle trains a new model."
    )
    return figure(plot.svg("the champion on new answers, by cycle"), caption)


def _drift(table: pd.DataFrame) -> Markup:
    low, high = widened(min(0.4, float(table["drift"].min())), float(table["drift"].max()))
    plot = Plot(
        widened(float(table.index.min()), float(table.index.max()), 0.05),
        (low, max(high, 0.7)),
        ("cycle", "AUC of new against old"),
        x_marks=_marks(table),
    )
    plot.rule(y=0.5, text="alike")
    plot.line(table.index, table["drift"], 0)
    alarms = table[table.get("drift_p", pd.Series(1.0, table.index)) < 0.01]
    if len(alarms):
        plot.points(alarms.index, alarms["drift"], 1, "p < 0.01", size=5, kind="ring")
    caption = (
        "How well a classifier tells new samples from those of validation: 0.5 where they look "
        "alike, 1 where nothing is shared (Lopez-Paz and Oquab 2017)."
    )
    return figure(plot.svg("drift by cycle"), caption)


def _marks(table: pd.DataFrame) -> list[tuple[float, str]]:
    """Some of the cycles, by number."""
    every = max(1, -(-len(table) // 10))
    return [(float(number), str(number)) for number in table.index[::every]]
