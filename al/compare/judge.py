"""The verdict: the KPI estimated on new answers, and the rule that decides on it.

New samples were chosen because they are hard, so their plain mean is far too low (Farquhar,
Gal and Rainforth 2021, On statistical bias in active learning). Two kinds of new samples
tell of the pool as a whole: those of the audit slice, drawn uniformly before the strategy
chose, and those of a strategy that gave every sample a known chance. Where the chances are
known all of them are used, else the audit slice alone; which it is depends on how samples
were drawn, never on what came out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al.compare.estimates import Estimate, effective, estimate, resampled
from al.compare.powered import FROM, powered
from al.contracts import Label, Verdict
from al.engine import Runner


@dataclass(frozen=True)
class Sample:
    """A newly labelled sample.

    Attributes:
        cycle: in which it was asked about; each cycle has its own chances.
        audit: it was drawn to measure the champion on.
        chance: of being drawn, where every sample had one; None elsewhere.
        sure: how sure the champion was of it; None where that is not known.
        expected: the mean of that over the pool it was drawn from.
        expected_of: how many samples of the pool that is the mean of.
    """

    id: str
    label: Label
    cycle: int
    audit: bool = False
    chance: float | None = None
    sure: float | None = None
    expected: float | None = None
    expected_of: float = math.inf


def compare(
    champion_model: Runner | None,
    samples: Sequence[Sample],
    *,
    metric: str,
    kpi: float | None,
    rule: str = "plain",
    rng: np.random.Generator | None = None,
) -> Verdict:
    """Measure the champion on the newly labelled samples and decide whether to retrain.

    Args:
        champion_model: None if there is none.
        samples: labelled since this champion came, of several cycles.
        kpi: value of the metric to reach; None switches Compare off.
        rule: "interval": retrain when the worse bound of the 95 % interval misses the KPI;
            "plain": when the mean on all samples of the latest cycle does.
    """
    if champion_model is None:
        return Verdict(True, "there is no champion yet", metric)
    if not samples:
        return Verdict(False, "nothing new was labelled", metric)
    rng = rng or np.random.default_rng(0)
    last = max(sample.cycle for sample in samples)
    latest = [sample for sample in samples if sample.cycle == last]
    plain = _measured(champion_model, latest, np.ones(len(latest)), metric, rng, alone=True)
    used, weights, estimator = latest, np.ones(len(latest)), "plain"
    found = plain
    if rule == "interval" and kpi is not None:
        used, weights, estimator = _representative(samples) or (used, weights, estimator)
        if estimator != "plain":
            found = _measured(champion_model, used, weights, metric, rng)
    if math.isnan(found.value):
        why = (
            f"{metric} has no value on {len(used)} new samples, which are alike in their labels or "
            "answered by no number: whether the KPI holds is not known"
        )
        return Verdict(
            True, why, metric, samples=len(used), rule=rule, estimator=estimator, kpi=kpi
        )
    retrain, why = _decided(
        metric, found, kpi, rule, estimator, used, metric in champion_model.graph.lower
    )
    return Verdict(
        retrain,
        why,
        metric,
        value=found.value,
        interval=(found.low, found.high),
        samples=len(used),
        rule=rule,
        estimator=estimator,
        plain=None if math.isnan(plain.value) else plain.value,
        kpi=kpi,
    )


def met(found: Estimate, kpi: float, rule: str, *, lower: bool = False) -> bool:
    """Whether the KPI holds.

    Args:
        lower: less of the metric is better.
    """
    if lower:
        return (found.high if rule == "interval" else found.value) <= kpi
    return (found.low if rule == "interval" else found.value) >= kpi


def _representative(
    samples: Sequence[Sample],
) -> tuple[list[Sample], np.ndarray, str] | None:
    """The samples that tell of the whole pool, with their weights; None where none do."""
    cycles: dict[tuple[bool, int], list[Sample]] = {}
    for sample in samples:
        cycles.setdefault((not sample.audit, sample.cycle), []).append(sample)
    audits = [rows for (chosen, _), rows in cycles.items() if not chosen]
    known = [
        rows
        for (chosen, _), rows in cycles.items()
        if chosen and all(row.chance is not None for row in rows)
    ]
    drawn = [*audits, *known]
    if not drawn:
        return None
    used = [row for rows in drawn for row in rows]
    weights = [effective(np.array([row.chance or 1 for row in rows], float)) for rows in drawn]
    uniform = not known and all(len({row.chance for row in rows}) == 1 for rows in drawn)
    return used, np.concatenate(weights), "audit" if uniform else "weighted"


def _measured(
    champion_model: Runner,
    samples: Sequence[Sample],
    weights: np.ndarray,
    metric: str,
    rng: np.random.Generator,
    *,
    alone: bool = False,
) -> Estimate:
    """The champion's metric on the samples of these weights.

    Args:
        alone: tell of these samples, rather than of the pool that they were drawn from.
    """
    ids = [sample.id for sample in samples]
    labels = [sample.label for sample in samples]
    each = champion_model.each(ids, labels, metric)
    if each is None:
        return resampled(champion_model.on_some(ids, labels, metric), weights, rng)
    known = [sample.sure is not None and sample.expected is not None for sample in samples]
    if alone or not all(known):
        return estimate(each, weights, rng)
    sure = np.array([sample.sure for sample in samples], float)
    expected = np.array([sample.expected for sample in samples], float)
    of = np.array([sample.expected_of for sample in samples], float)
    return powered(each, weights, sure, expected, of, rng)


def measured(
    model: Runner,
    ids: Sequence[str],
    labels: Sequence[Label],
    weights: np.ndarray,
    metric: str,
    rng: np.random.Generator,
) -> Estimate:
    """A model's metric on samples of these weights, with its interval."""
    each = model.each(ids, labels, metric)
    if each is not None:
        return estimate(each, weights, rng)
    return resampled(model.on_some(ids, labels, metric), weights, rng)


def _decided(
    metric: str,
    found: Estimate,
    kpi: float | None,
    rule: str,
    estimator: str,
    used: Sequence[Sample],
    lower: bool,
) -> tuple[bool, str]:
    """Whether to retrain, and why in a sentence."""
    cycles = len({sample.cycle for sample in used})
    worth = round(found.size)
    kinds = {
        "plain": "new samples",
        "audit": "uniformly drawn samples",
        "weighted": "samples weighted by their chances",
    }
    over = f" of {cycles} cycles" if cycles > 1 else ""
    text = f"{metric} {found.value:.4f} on {len(used)} {kinds[estimator]}{over}"
    if estimator != "plain" and len(used) >= FROM and worth > len(used):
        text += f", worth {worth} with what the champion expects of the pool"
    if kpi is None:
        return True, f"{text}; the KPI is off"
    if rule == "interval":
        text += f", with 95 % between {found.low:.4f} and {found.high:.4f}"
        if estimator == "plain":
            text += " (none was drawn uniformly: give audit a share)"
    holds = met(found, kpi, rule, lower=lower)
    if rule == "interval" and not holds and met(found, kpi, "plain", lower=lower):
        return True, f"{text}, may miss the KPI {kpi:g}"
    return not holds, f"{text} {'meets' if holds else 'misses'} the KPI {kpi:g}"
