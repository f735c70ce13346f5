"""Section: what was asked about, and what came back."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pandas as pd

from al.contracts import Label
from al.kinds import Kind
from al.report.facts import Answered, Facts, Picked
from al.report.section import Markup, Section, join, p

#: Side of a picture in pixels, letters of a text, values of a row, letters of a value.
SIDE, LETTERS, VALUES, LONG = 160, 260, 6, 32


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
            (picked.cycle, s.rank, s.id, s.score, s.reason, s.believed, _said(facts.kind, s))
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
    mood = "" if not known else "good" if sample.guess == sample.label else "bad"
    shown = sample.label if sample.status == "answered" else sample.guess
    return Markup(
        '<div class="sample" title="{}">{}<b>{}</b><span class="soft {}">{}</span></div>'
    ).format(sample.id, _shown(kind, sample, shown), _said(kind, sample), mood, sample.believed)


def _said(kind: Kind, sample: Answered) -> str:
    return _short(kind.brief(sample.label), 60) if sample.status == "answered" else sample.status


def _shown(kind: Kind, sample: Answered, label: Label | None) -> Markup:
    preview = sample.preview
    if preview.image is not None:
        high, wide = preview.image.shape[:2]
        grow = SIDE / max(high, wide)
        size = (max(1, round(wide * grow)), max(1, round(high * grow)))
        return picture(kind.drawn(preview.image, label, size), f"sample {sample.id}")
    if preview.text is not None:
        return Markup("<blockquote>{}</blockquote>").format(_short(preview.text, LETTERS))
    return Markup("<blockquote>{}</blockquote>").format(_row(preview.row or {}))


def picture(image: Any, what: str) -> Markup:
    """An image of Pillow's inside the page: PNG where that is small, else JPEG."""
    best = BytesIO()
    image.save(best, "PNG", optimize=False)
    kind = "png"
    if len(best.getvalue()) > 12_000:
        best, kind = BytesIO(), "jpeg"
        image.convert("RGB").save(best, "JPEG", quality=82)
    data = b64encode(best.getvalue()).decode()
    return Markup('<img src="data:image/{};base64,{}" alt="{}">').format(kind, data, what)


def _row(row: Mapping[str, Any]) -> Markup:
    """A row's first values; those that are 0 tell least and are left out."""
    values = [(name, value) for name, value in row.items() if value != 0]
    lines = [
        Markup("{}: {}").format(_short(str(name), LONG), _short(_number(value), LONG))
        for name, value in values[:VALUES]
    ]
    return Markup("<br>").join(lines)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
