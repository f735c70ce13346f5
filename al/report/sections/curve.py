"""Section: what labels bought, by their number, by people's time and by money."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al.report.facts import Curve, Facts
from al.report.intervals import of_curve
from al.report.plot import Plot, widened
from al.report.section import (
    Markup,
    Section,
    details,
    figure,
    grid,
    join,
    lasting,
    plus,
    table,
    unit_of,
)


def curve(facts: Facts) -> Section | None:
    """The learning curve with its interval, beside the baseline."""
    if not len(facts.curve):
        return None
    found = _table(facts)
    pictures = [
        figure(
            _plot(facts, facts.curve.labels, f"labels ({plus(facts.validation)})"),
            _caption(facts),
        )
    ]
    if (spent := _time(facts)) is not None:
        unit, size = unit_of(spent[-1])
        caption = f"The same by people's time, {lasting(spent[-1])} so far."
        plot = _plot(facts, spent / size, f"{unit} of people's time", alone=True)
        pictures.append(figure(plot, caption))
    if facts.cost:
        money = (facts.curve.labels + facts.validation) * facts.cost
        caption = f"The same by money, {facts.cost:g} a label"
        caption += ", those for validation among them." if facts.validation else "."
        pictures.append(figure(_plot(facts, money, "spent on labels", alone=True), caption))
    rows = [[f"{row.labels:,}", *_cells(facts, row)] for row in found.itertuples()]
    heads = ["labels", facts.config.strategy, "95 % interval"]
    heads += [facts.baseline.strategy] if facts.baseline else []
    shown = table(heads, rows, texts=0)
    if len(pictures) > 1:
        body = join([grid(*pictures), details("Every point of it", shown)])
    else:
        body = grid(*pictures, shown)
    return Section("learning_curve", "What the labels bought", body, {"learning_curve": found})


def _cells(facts: Facts, row: Any) -> list[str]:
    cells = [facts.shown(row.value)]
    cells.append("–" if np.isnan(row.low) else f"{facts.shown(row.low)} … {facts.shown(row.high)}")
    if facts.baseline:
        cells.append("–" if np.isnan(row.baseline) else facts.shown(row.baseline))
    return cells


def _table(facts: Facts) -> pd.DataFrame:
    curve = facts.curve
    low, high = of_curve(facts).T
    found = pd.DataFrame({"labels": curve.labels, "value": curve.values, "low": low, "high": high})
    if facts.baseline:
        other = dict(zip(facts.baseline.labels, facts.baseline.values, strict=True))
        found["baseline"] = [other.get(labels, np.nan) for labels in curve.labels]
    return found


def _plot(facts: Facts, xs: np.ndarray, across: str, *, alone: bool = False) -> Markup:
    """The curve by what stands on the x axis; `alone` without the baseline, whose x are labels."""
    mine, other = facts.curve, None if alone else facts.baseline
    bounds = of_curve(facts)
    known = np.isfinite(bounds).all(axis=1)
    curves: list[Curve] = [mine, *([other] if other is not None and len(other) else [])]
    drawn = np.concatenate([bounds[known].ravel(), *(c.values for c in curves)])
    low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    low, high = widened(low, high)
    if facts.share:
        low, high = max(low, 0.0), min(high, 1.0)
    ends = [float(xs.min()), float(xs.max())]
    if other is not None and len(other):
        ends = [min(ends[0], float(other.labels.min())), max(ends[1], float(other.labels.max()))]
    plot = Plot(widened(ends[0], ends[1], 0.03), (low, high), (across, f"test {facts.metric_name}"))
    if known.all():
        plot.band(xs, bounds[:, 0], bounds[:, 1], 0)
    for place in np.flatnonzero(known & ~known.all()):
        plot.line([xs[place]] * 2, bounds[place], 0, marks=False)
    if other is not None and len(other):
        plot.line(other.labels, other.values, 1, other.strategy, dashed=True)
    plot.line(xs, mine.values, 0, mine.strategy)
    for labels, _ in () if alone else facts.changes:
        if plot.x[0] <= labels <= plot.x[1]:
            plot.rule(x=labels)
    return plot.svg(
        f"test {facts.metric_name} by {across}, {facts.shown(mine.values[-1])} at the end"
    )


def _time(facts: Facts) -> np.ndarray | None:
    """Seconds of people's time up to each point of the curve; None where it is not known."""
    if "annotation_seconds" not in facts.cycles or not facts.state.labels.seconds:
        return None
    at = dict(zip(facts.cycles["labels"], facts.cycles["annotation_seconds"], strict=True))
    found = np.array([at.get(labels, np.nan) for labels in facts.curve.labels])
    return found if np.isfinite(found).all() and found[-1] > 0 else None


def _caption(facts: Facts) -> Any:
    how = f"measured on {facts.test:,} test samples that are used for nothing else"
    known = np.isfinite(of_curve(facts)).all(axis=1)
    if known.all():
        kind = "for normal errors" if facts.metric == "rmse" else "(Wilson)"
        how += f"; the band is the 95 % interval {kind}"
    elif known.any():
        found = "(Wilson)" if facts.curve.values[-1] in (0, 1) else "by resampling these samples"
        how += f"; the bar at its end is the 95 % interval, {found}"
    for labels, what in facts.changes:
        how += f"; from {labels:,} labels on {what}"
    ahead = "" if facts.baseline is None else f", beside {facts.baseline.strategy}"
    caption = f"Test {facts.metric_name} of the model in Production{ahead}, {how}."
    if facts.baseline is not None:
        caption += (
            " One campaign of each is not proof: al experiment compares them over many seeds."
        )
    return caption
