"""How what choosing takes grows with the pool, as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np

from benchmarks.common import Row


def draw_growth(tables: Mapping[int, Sequence[Row]], path: Path, *, cpu: bool) -> None:
    """Seconds and memory of each strategy against the pool's size; prints the slopes in logs.

    Args:
        tables: rows of `selection.measure` by size of the pool.
        cpu: count the processor's seconds.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2)
    names = list(dict.fromkeys(row["strategy"] for rows in tables.values() for row in rows))
    for name in names:
        known = [
            (size, float(row["cpu s" if cpu else "seconds"]), max(1, row["peak MiB"]))
            for size, rows in tables.items()
            for row in rows
            if (row["strategy"], row["contestant"]) == (name, "ours") and row["peak MiB"] != "–"
        ]
        if len(known) < 2:
            continue
        sizes, seconds, memory = np.array(known).T
        slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
        click.echo(f"{name}: seconds grow as the pool's size to the {slope:.2f}")
        for panel, values in zip(panels, (seconds, memory), strict=True):
            panel.loglog(sizes, values, marker="o", label=name)
    for panel, title in zip(panels, ("seconds", "MiB above the inputs"), strict=True):
        panel.set(title=title, xlabel="samples in the pool")
        panel.grid(alpha=0.3)
    panels[0].legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)
