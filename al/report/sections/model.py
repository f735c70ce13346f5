"""Section: what the champion gets right and wrong, class by class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from al.kinds import Kind, Trait
from al.report.facts import Facts, Judged
from al.report.intervals import of_scores, scored
from al.report.section import Markup, Section, breakable, details, grid, join, p, table

#: Classes of a confusion matrix that is drawn, and of a table that is shown at once.
DRAWN, SHOWN = 16, 24
#: Mistakes that are listed where there are more classes.
LISTED = 15


def model(facts: Facts) -> Section | None:
    """What the champion gets right on test."""
    judged = facts.judged
    if judged is None:
        return None
    drawn = len(judged.truth) < judged.total
    of = f"{len(judged.truth):,} of {judged.total:,}" if drawn else f"all {judged.total:,}"
    return judged_section(facts.kind, judged, f"Version {facts.version} on {of} test samples.")


def judged_section(kind: Kind, judged: Judged, caption: str) -> Section | None:
    """Per-class scores with intervals, and the confusion matrix where labels are classes.

    Args:
        caption: of what, in a sentence.
    """
    if judged.counts is None or not len(judged.truth):
        return None
    names = kind.spec.classes
    scores = scores_of(judged, names, iou=Trait.PIXELS in kind.traits)
    figures = {"classes": scores}
    parts = [_scores(scores)]
    if Trait.CLASSES in kind.traits:
        matrix = _matrix(kind, judged)
        figures["confusion"] = matrix.rename_axis("truth").reset_index()
        parts.append(_drawn(matrix) if len(names) <= DRAWN else _mistakes(matrix))
    note = p(
        f"{caption} Intervals are 95 %, by resampling samples; scores of 0 and 1 have Wilson's.",
        "note",
    )
    return Section("model", "What the model gets right", join([grid(*parts), note]), figures)


def scores_of(judged: Judged, names: tuple[str, ...], *, iou: bool) -> pd.DataFrame:
    """A row a class: how often it is there, precision, recall, and F1 (2 TP / (2 TP + FP + FN))
    or IoU (TP / (TP + FP + FN)) with its 95 % interval; the rarest last."""
    assert judged.counts is not None
    twice = 1 if iou else 2
    right, wrong, missed = judged.counts.sum(axis=0).T
    low, high = of_scores(judged.counts, twice)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = pd.DataFrame(
            {
                "class": names,
                "there": (right + missed).astype(int),
                "precision": right / (right + wrong),
                "recall": right / (right + missed),
                "IoU" if iou else "F1": scored(judged.counts.sum(axis=0), twice),
                "low": low,
                "high": high,
            }
        )
    return found.sort_values("there", ascending=False, kind="stable").reset_index(drop=True)


def _scores(scores: pd.DataFrame) -> Markup:
    name = scores.columns[4]
    rows = [
        [breakable(row[1]), f"{row[2]:,}", *(_share(v) for v in row[3:6]),
         "–" if np.isnan(row[6]) else f"{row[6]:.2f} … {row[7]:.2f}"]
        for row in scores.itertuples()
    ]  # fmt: skip
    heads = ["class", "in test", "precision", "recall", str(name), "95 %"]
    if len(rows) <= SHOWN:
        return table(heads, rows)
    ordered = sorted(range(len(rows)), key=lambda place: _or_one(scores[name][place]))
    worst = [rows[place] for place in ordered[: SHOWN // 2]]
    intro = p(f"The {len(worst)} classes of {len(rows)} with the lowest {name}:", "note")
    return join([intro, table(heads, worst), details("All classes", table(heads, rows))])


def _or_one(value: float) -> float:
    return 1.0 if np.isnan(value) else float(value)


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _matrix(kind: Kind, judged: Judged) -> pd.DataFrame:
    names = list(kind.spec.classes)
    places = [[kind.position(n) for n in guess] for guess in (judged.truth, judged.guessed)]
    found = np.zeros((len(names), len(names)), int)
    np.add.at(found, tuple(places), 1)
    return pd.DataFrame(found, index=names, columns=names)


def _drawn(matrix: pd.DataFrame) -> Markup:
    """The matrix as a table whose cells are the darker the larger their share of the row."""
    counts = matrix.to_numpy()
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = []
    for name, row, shares in zip(matrix.index, counts, counts / totals, strict=True):
        cells = [
            _cell(value, share, right=name == other)
            for value, share, other in zip(row, shares, matrix.columns, strict=True)
        ]
        rows.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, join(cells)))
    heads = join([Markup("<th>{}</th>").format(name) for name in matrix.columns])
    shown = Markup(
        '<div class="scroll"><table class="cells"><thead><tr><th></th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(heads, join(rows))
    return join([shown, p("Rows are the true classes, columns the predicted ones.", "note")])


def _cell(value: int, share: float, *, right: bool) -> Markup:
    colour, much = ("s0" if right else "s1"), " much" if share > 0.55 else ""
    strength = round(100 * share**0.7)
    return Markup('<td class="{}{}" style="--w:{}%">{}</td>').format(
        colour, much, strength, value or ""
    )


def _mistakes(matrix: pd.DataFrame) -> Markup:
    """What is taken for what most often."""
    counts = matrix.to_numpy().copy()
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:LISTED]
    rows = [
        [breakable(matrix.index[true]), breakable(matrix.columns[guess]), counts[true, guess],
         f"{counts[true, guess] / totals[true]:.0%}"]
        for true, guess in zip(*np.unravel_index(order, counts.shape), strict=True)
        if counts[true, guess]
    ]  # fmt: skip
    heads = ["truth", "taken for", "times", "of the class"]
    return join([p("The commonest mistakes:", "note"), table(heads, rows, texts=2)])
