"""Section: where pool, labelled set and last query lie."""

from __future__ import annotations

import pandas as pd

from al.report.facts import Facts
from al.report.plot import Plot, widened
from al.report.section import Section, figure

#: Role → series, radius and kind of its points; those drawn last lie above.
_LOOK = {"pool": (9, 2.0, "faint"), "labelled": (0, 2.6, "dot"), "query": (1, 3.6, "ring")}
_NAMES = {"pool": "pool", "labelled": "labelled before", "query": "query of the last cycle"}


def map_of_samples(facts: Facts) -> Section | None:
    """The samples on the plane in which they differ most."""
    mapped = facts.mapped
    if mapped is None:
        return None
    across, up = mapped.points.T
    plot = Plot(
        widened(float(across.min()), float(across.max()), 0.03),
        widened(float(up.min()), float(up.max()), 0.03),
        ("first principal component", "second"),
        width=900, height=430, bottom=28, bare=True,
    )  # fmt: skip
    for role, (series, size, kind) in _LOOK.items():
        rows = [place for place, found in enumerate(mapped.role) if found == role]
        if rows:
            titles = [f"{mapped.ids[r]} {mapped.name[r]}".strip() for r in rows]
            drawn = role == "pool" and len(rows) < facts.pool
            of = f" of {facts.pool:,}" if drawn else ""
            name = f"{_NAMES[role]} ({len(rows):,}{of})"
            plot.points(across[rows], up[rows], series, name, size=size, titles=titles, kind=kind)
    caption = (
        f"Embeddings of the model in Production on their first two principal components, which "
        f"show {mapped.explained:.0%} of how the samples differ; a draw of each where there are "
        "many."
    )
    table = pd.DataFrame(
        {"id": mapped.ids, "x": across, "y": up, "role": mapped.role, "label": mapped.name}
    )
    picture = figure(plot.svg("samples on a plane"), caption, wide=True)
    return Section("map", "Where the questions lay", picture, {"map": table})
