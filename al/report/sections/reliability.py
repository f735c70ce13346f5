"""Section: whether the champion is right as often as it is sure."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from al.kinds import Trait
from al.report.facts import Facts, Judged
from al.report.intervals import Z, wilson
from al.report.plot import Plot, widened
from al.report.section import Section, counted, figure, grid, p, table

BINS = 10
#: Standard deviations within which a share of a normal distribution lies.
REACHES = {0.5: 0.67449, 0.8: 1.28155, 0.95: Z}


def reliability(facts: Facts) -> Section | None:
    """A reliability diagram; for numbers, what is predicted against the truth."""
    judged = facts.judged
    if judged is None or not len(judged.truth):
        return None
    if Trait.NORMAL in facts.kind.traits:
        return _of_numbers(judged)
    if judged.probabilities is None:
        return None
    if Trait.CLASSES in facts.kind.traits:
        sure = judged.probabilities.max(axis=1)
        right = np.array([a == b for a, b in zip(judged.truth, judged.guessed, strict=True)])
        return _of_shares(sure[:, None], right[:, None], "its best guess")
    assert judged.counts is not None
    right = judged.counts[..., 0] + judged.counts[..., 2] > 0
    return _of_shares(judged.probabilities, right, "that a label applies")


def binned(sure: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Samples by how sure the model is, in tenths; only where there are some."""
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    rows = []
    for number in np.unique(place):
        inside = place == number
        share = float(right[inside].mean())
        low, high = wilson(share, int(inside.sum()))
        rows.append((float(sure[inside].mean()), share, low, high, int(inside.sum())))
    return pd.DataFrame(rows, columns=["sure", "right", "low", "high", "samples"])


def _of_shares(sure: np.ndarray, right: np.ndarray, what: str) -> Section:
    """Of how sure the model is and whether it is right, [N, Q] for Q questions a sample."""
    bins = binned(sure.ravel(), right.ravel())
    error = float((bins["samples"] * (bins["sure"] - bins["right"]).abs()).sum() / sure.size)
    plot = Plot((0, 1), (0, 1), ("how sure the model is", "how often it is right"))
    plot.slope((0, 0), (1, 1))
    plot.band(bins["sure"], bins["low"], bins["high"], 0)
    plot.line(bins["sure"], bins["right"], 0)
    caption = (
        f"On test, {what}: on the dotted line the model is right as often as it says. Expected "
        f"calibration error {error:.3f}. {on_the_whole((sure - right).mean(axis=1))}"
    )
    rows = [
        [f"{row.sure:.2f}", f"{row.right:.2f}", f"{row.low:.2f} … {row.high:.2f}",
         f"{row.samples:,}"]
        for row in bins.itertuples()
    ]  # fmt: skip
    shown = table(["sure", "right", "95 %", "samples"], rows, texts=0)
    picture = figure(plot.svg("how often the model is right, by how sure it is"), caption)
    return Section(
        "reliability", "How far to trust it", grid(picture, shown), {"reliability": bins}
    )


def on_the_whole(over: np.ndarray) -> str:
    """Whether the model is too sure, from how much surer than right it is of each sample, [N].

    The interval is that of a mean of independent samples, x̄ ± z s / √N.
    """
    middle = float(over.mean())
    reach = Z * float(over.std(ddof=1)) / math.sqrt(len(over)) if len(over) > 1 else math.inf
    if abs(middle) > reach:
        way = "too sure" if middle > 0 else "not sure enough"
        return f"On the whole it is {way}, by {abs(middle):.3f} ± {reach:.3f} (95 %)."
    known = f"{middle:.3f} ± {reach:.3f} (95 %)" if math.isfinite(reach) else "of one sample"
    return (
        "On the whole it is neither too sure nor too unsure as far as these samples show: the "
        f"difference, {known}, cannot be told from 0."
    )


def _of_numbers(judged: Judged) -> Section:
    truth, predicted = np.asarray(judged.truth, float), np.asarray(judged.guessed, float)
    off = np.abs(predicted - truth)
    both = np.concatenate([truth, predicted])
    ends = widened(float(both.min()), float(both.max()), 0.03)
    plot = Plot(ends, ends, ("truth", "predicted"))
    plot.slope((ends[0], ends[0]), (ends[1], ends[1]))
    plot.points(truth[:1500], predicted[:1500], 0, size=2, kind="faint")
    rows = [
        [f"{share:.0%}", f"{float((off <= reach * judged.sure).mean()):.0%}"]
        for share, reach in REACHES.items()
    ]
    found = pd.DataFrame({"truth": truth, "predicted": predicted, "deviation": judged.sure})
    shown = table(["interval predicted", "truth inside"], rows, texts=0)
    low, high = wilson(float((off <= REACHES[0.8] * judged.sure).mean()), len(off))
    verdict = "too narrow" if high < 0.8 else "too wide" if low > 0.8 else "about right"
    note = p(
        f"Median error {np.median(off):.4g}, mean error {off.mean():.4g}, on "
        f"{counted(len(truth), 'test sample')}. Intervals are those of the normal distribution "
        f"that the model predicts; they are {verdict}.",
        "note",
    )
    picture = figure(
        plot.svg("predicted numbers against the truth"),
        "Each point a test sample; on the dotted line the model is right.",
    )
    body = grid(picture, shown + note)
    return Section("reliability", "How far to trust it", body, {"reliability": found})
