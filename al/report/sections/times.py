"""Section: where the time went."""

from __future__ import annotations

import numpy as np
import pandas as pd

from al.report.facts import Facts
from al.report.plot import Plot
from al.report.section import Markup, Section, details, figure, grid, join, lasting, table, unit_of

#: Cycles that are drawn; of more, the last.
MOST = 40
_REST = "closing"


def times(facts: Facts) -> Section | None:
    """How long each step took, by cycle and in all."""
    if not len(facts.steps):
        return None
    spent = facts.steps.pivot_table(
        index="cycle", columns="step", values="seconds", aggfunc="sum", sort=False
    ).fillna(0.0)
    whole = facts.cycles["seconds"].reindex(spent.index)
    spent[_REST] = (whole - spent.sum(axis=1)).clip(lower=0).fillna(0.0)
    total = float(spent.to_numpy().sum())
    rows = [
        [name, lasting(float(seconds.sum())), lasting(float(seconds.median())),
         f"{seconds.sum() / total:.0%}" if total else "–"]
        for name, seconds in spent.items()
    ]  # fmt: skip
    shown = table(["step", "in all", "median of a cycle", "share"], rows)
    picture = figure(
        _plot(spent.tail(MOST)),
        "Time of each cycle by step, waiting for people included. Closing is evaluation, the "
        "search for wrong labels, and saving.",
    )
    per_cycle = [
        [number, lasting(float(row.sum())), *(lasting(float(v)) for v in row)]
        for number, row in spent.iterrows()
    ]
    every = details("Every cycle", table(["cycle", "in all", *map(str, spent.columns)], per_cycle))
    body = join([grid(picture, shown), every])
    return Section("times", "Where the time went", body, {"times": spent.reset_index()})


def _plot(spent: pd.DataFrame) -> Markup:
    cycles = np.array(spent.index, float)
    unit, size = unit_of(float(spent.sum(axis=1).max()))
    top = float(spent.sum(axis=1).max()) / size * 1.06 or 1.0
    step = max(1, -(-len(cycles) // 12))
    marks = [(number, f"{number:.0f}") for number in cycles[::step]]
    ends = (cycles.min() - 0.7, cycles.max() + 0.7)
    plot = Plot(ends, (0.0, top), ("cycle", unit), x_marks=marks)
    colours = (0, 1, 2, 3, 4, 5, 9)
    below = np.zeros(len(cycles))
    for place, (name, column) in enumerate(spent.items()):
        series = colours[min(place, len(colours) - 1)] if name != _REST else 9
        for number, low, value in zip(cycles, below, column, strict=True):
            if value:
                plot.bar((number - 0.34, number + 0.34), (low / size, (low + value) / size), series,
                         f"cycle {number:.0f}, {name}: {lasting(value)}")  # fmt: skip
        below += column.to_numpy()
        plot.named(series, str(name))
    return plot.svg(f"{unit} of each cycle, by step")
