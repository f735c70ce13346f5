"""Section: labels that looked wrong, and what came of them."""

from __future__ import annotations

import json

import pandas as pd

from al.report.facts import Facts
from al.report.section import Markup, Section, counted, details, grid, join, p, table

#: Rows that are shown of each list.
SHOWN = 12


def quality(facts: Facts) -> Section | None:
    """Suspicious labels that are open, and labels that were corrected or asked about again."""
    frame = facts.answers
    settled = frame[frame["before"] != ""]
    again = frame[(frame["again"] > 0) & (frame["before"] == "")]
    open_ones = pd.DataFrame(list(facts.state.suspicious))
    if not len(settled) and not len(again) and not len(open_ones):
        return None
    parts: list[Markup] = []
    if len(open_ones):
        labels = dict(zip(frame["id"], frame["label"], strict=True))
        rows = [
            [row["id"], _brief(facts, labels.get(row["id"], "")), row["believed"],
             f"{row['confidence']:.2f}"]
            for row in open_ones.head(SHOWN).to_dict("records")
        ]  # fmt: skip
        heads = ["looks wrong", "label", "believed", "how surely"]
        parts.append(join([Markup("<h3>Open</h3>"), table(heads, rows, texts=3)]))
    if len(settled):
        rows = [
            [row["id"], _before(facts, row["before"]), _brief(facts, row["label"])]
            for row in settled.tail(SHOWN).to_dict("records")
        ]
        heads = ["corrected", "was", "is"]
        parts.append(join([Markup("<h3>Settled</h3>"), table(heads, rows, texts=3)]))
    counts = [
        f"{counted(len(open_ones), 'label')} look wrong by models that have not seen them",
        f"{counted(len(settled), 'label')} were corrected",
        f"{counted(len(again), 'label')} stood when asked about again",
    ]
    figures = {"label_errors": _table(facts, settled, open_ones)}
    body = join([p("; ".join(counts) + "."), grid(*parts)])
    cost = _cost(facts)
    if cost:
        body = join([body, details("What looking for them took", p(cost))])
    return Section("label_errors", "Label errors found and settled", body, figures)


def _cost(facts: Facts) -> str:
    if "quality/seconds" not in facts.cycles:
        return ""
    spent = facts.cycles["quality/seconds"].dropna()
    share = spent.sum() / facts.cycles["seconds"].sum()
    return f"{spent.sum():.0f} s in all, {share:.0%} of the campaign's cycles."


def _table(facts: Facts, settled: pd.DataFrame, open_ones: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (row["id"], "corrected", _before(facts, row["before"]), _brief(facts, row["label"]))
        for row in settled.to_dict("records")
    ]
    labels = dict(zip(facts.answers["id"], facts.answers["label"], strict=True))
    rows += [
        (row["id"], "open", _brief(facts, labels.get(row["id"], "")), str(row["believed"]))
        for row in open_ones.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["id", "state", "label", "other"])


def _brief(facts: Facts, text: str) -> str:
    return facts.kind.brief(json.loads(text)) if text else "–"


def _before(facts: Facts, text: str) -> str:
    """The label that a corrected row had first."""
    label = json.loads(text)[0]["label"]
    return "skipped" if label is None else facts.kind.brief(label)
