"""A training as a page of its own: its curves, and what its best epoch gets right on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from al.cells import save_table
from al.kinds import Kind
from al.report.facts import Judged
from al.report.page import rendered
from al.report.plot import Plot, widened
from al.report.section import Markup, Section, figure, grid
from al.report.sections.model import judged_section

#: Of the page.
TRAINING = "training.html"
#: Metrics of a picture: those of losses and the others have scales of their own.
_LOSSES = ("train/loss", "val/loss")

History = Mapping[str, Sequence[tuple[int, float]]]


def write_training(
    folder: Path, name: str, lead: str, history: History, kind: Kind, judged: Judged
) -> None:
    """Write the page into a folder, and beside it what it shows as tables.

    Args:
        history: (epoch, value) of each metric.
        judged: the best epoch's model on validation.
    """
    sections = [_curves(history)]
    caption = f"The best epoch, on all {judged.total:,} validation samples."
    if (found := judged_section(kind, judged, caption)) is not None:
        sections.append(found)
    for section in sections:
        for called, table in section.figures.items():
            save_table(table, folder / f"{called}.csv")
    page = rendered(
        title=name, kicker="Training run", heading=name, lead=lead, tiles=[], sections=sections,
        footer="What is shown is in the CSV files beside this page.",
    )  # fmt: skip
    (folder / TRAINING).write_text(page, encoding="utf-8")


def _curves(history: History) -> Section:
    table = pd.DataFrame({n: dict(points) for n, points in history.items()}).sort_index()
    losses = [name for name in _LOSSES if name in table]
    rest = [name for name in table if name not in _LOSSES]
    pictures = [
        figure(_plot(table[names], what), "By epoch.")
        for names, what in ((losses, "loss"), (rest, "metric"))
        if names
    ]
    figures = {"curves": table.rename_axis("epoch").reset_index()}
    return Section("curves", "Curves", grid(*pictures), figures)


def _plot(table: pd.DataFrame, what: str) -> Markup:
    values = table.to_numpy(float)
    known = values[np.isfinite(values)]
    ends = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    epochs = table.index.to_numpy(float)
    plot = Plot(
        widened(epochs.min(), epochs.max(), 0.03), widened(ends[0], ends[1]), ("epoch", what)
    )
    for series, name in enumerate(table):
        there = table[name].dropna()
        plot.line(there.index, there, series, str(name), marks=False)
    return plot.svg(f"{what} by epoch")
