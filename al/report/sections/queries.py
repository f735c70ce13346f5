"""Section: what was asked about, and what came back."""

from __future__ import annotations

import pandas as pd

from al.kinds import Kind
from al.report.facts import Answered, Facts, Picked
from al.report.section import Markup, Section, breakable, join, p
from al.report.thumbnails import short, shown

#: Metrics of kinds whose labels are either right or wrong; others are more or less so.
EXACT = {"accuracy", "exact_match"}


def queries(facts: Facts) -> Section | None:
    """The first samples of each cycle's query, as people saw them."""
    if not any(picked.samples for picked in facts.picked):
        return None
    parts: list[Markup] = []
    latest_first = sorted(facts.picked, key=lambda picked: -picked.cycle)
    for picked in latest_first:
        parts.append(Markup("<h3>Cycle {}</h3>").format(_headed(picked)))
        texts = any(sample.preview.image is None for sample in picked.samples)
        tiles = join([_tile(facts.kind, sample) for sample in picked.samples])
        parts.append(
            Markup('<div class="query{}">{}</div>').format(" texts" if texts else "", tiles)
        )
    intro = p(
        "The first samples of a query, in the order of asking: what came back, and below it what "
        "the model of that time took them for.",
        "note",
    )
    table = pd.DataFrame(
        [
            (picked.cycle, s.rank, s.id, s.score, s.reason, s.believed, _answer_text(facts.kind, s))
            for picked in facts.picked
            for s in picked.samples
        ],
        columns=["cycle", "rank", "id", "score", "strategy", "believed", "answer"],
    )
    return Section("queries", "What was asked about", join([intro, *parts]), {"queries": table})


def _headed(picked: Picked) -> str:
    shown = len(picked.samples)
    return f"{picked.cycle}: the first {shown} of {picked.total}" if shown < picked.total else (
        f"{picked.cycle}: all {shown}"
    )  # fmt: skip


def _tile(kind: Kind, sample: Answered) -> Markup:
    known = sample.status == "answered" and sample.guess is not None
    known = known and not EXACT.isdisjoint(kind.metrics)
    mood = "" if not known else "good" if sample.guess == sample.label else "bad"
    label = sample.label if sample.status == "answered" else sample.guess
    return Markup(
        '<div class="sample" title="{}">{}<b>{}</b><span class="soft {}">{}</span></div>'
    ).format(
        sample.id,
        shown(kind, sample.preview, label, sample.id),
        breakable(_answer_text(kind, sample)),
        mood,
        sample.believed,
    )


def _answer_text(kind: Kind, sample: Answered) -> str:
    return short(kind.brief(sample.label), 60) if sample.status == "answered" else sample.status
