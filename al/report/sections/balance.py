"""Section: which classes were labelled when."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from al.kinds import Trait
from al.report.facts import Facts
from al.report.section import Markup, Section, join, p

#: Classes and columns that are shown; cycles are put together where there are more.
CLASSES, COLUMNS = 24, 14


def balance(facts: Facts) -> Section | None:
    """How many labels each class got, by cycle."""
    names = facts.kind.spec.classes
    labels = [json.loads(text) for text in facts.answers["label"]]
    counts = facts.kind.compared(labels, labels) if names and labels else None
    if counts is None:
        return None
    found = counts[..., 0]  # [L, C]
    what = facts.kind.things
    if Trait.PIXELS in facts.kind.traits:  # of pixels: samples in which a class is
        found, what = (found > 0).astype(float), "masks with"
    frame = pd.DataFrame(found.astype(int), columns=list(names))
    by_cycle = frame.groupby(facts.answers["collected"].to_numpy()).sum().rename_axis("cycle")
    total = by_cycle.sum()
    shares = total / total.sum() if total.sum() else total.astype(float)
    known = shares[shares > 0]
    even = float(-(known * np.log(known)).sum() / np.log(len(names))) if len(names) > 1 else 1.0
    never = [name for name in names if not total[name]]
    words = (
        f"{int(total.sum()):,} {what} in all; evenness {even:.2f} (1 if all classes are equally "
        "frequent)."
    )
    if never:
        words += f" {len(never)} of {len(names)} classes have none: {_listed(never)}."
    return Section(
        "balance", "Which classes were labelled",
        join([_cells(by_cycle), p(words, "note")]), {"balance": by_cycle.reset_index()},
    )  # fmt: skip


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


def _cells(by_cycle: pd.DataFrame) -> Markup:
    """Classes by cycle, the commonest first; cells are the darker the more there are."""
    cycles = by_cycle.index.to_numpy()
    parts = np.array_split(np.arange(len(cycles)), min(COLUMNS, len(cycles)))
    heads = [_span(cycles[part]) for part in parts]
    total = by_cycle.sum().sort_values(ascending=False, kind="stable")
    shown = list(total.index[:CLASSES])
    values = {n: [int(by_cycle[n].iloc[part].sum()) for part in parts] for n in shown}
    top = max([1, *(value for row in values.values() for value in row)])
    rows = []
    for name in shown:
        cells = [_cell(value, value / top) for value in values[name]]
        cells.append(Markup('<td style="--w:0%"><b>{}</b></td>').format(f"{total[name]:,}"))
        rows.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, join(cells)))
    head = join([Markup("<th>{}</th>").format(text) for text in ["cycle", *heads, "all"]])
    body = Markup(
        '<div class="scroll"><table class="cells"><thead><tr>{}</tr></thead><tbody>{}</tbody>'
        "</table></div>"
    ).format(head, join(rows))
    rest = len(total) - len(shown)
    return join([body, p(f"{rest} rarer classes are in balance.csv.", "note")]) if rest else body


def _span(cycles: np.ndarray) -> str:
    first, last = int(cycles[0]), int(cycles[-1])
    name = "given" if first == 0 else str(first)
    return name if first == last else f"{name}–{last}"


def _cell(value: int, share: float) -> Markup:
    much = " much" if share > 0.6 else ""
    return Markup('<td class="s0{}" style="--w:{}%">{}</td>').format(
        much, round(90 * share), value or ""
    )
