"""Compare: does the champion still meet its KPI on what was just annotated?"""

from __future__ import annotations

from collections.abc import Sequence

from al.contracts import DataLoader, Graph, Label, Verdict

__all__ = ["compare"]


def compare(
    champion: Graph | None,
    data: DataLoader,
    ids: Sequence[str],
    labels: Sequence[Label],
    *,
    metric: str,
    kpi: float | None,
) -> Verdict:
    """Measure the champion on the newly labelled samples and decide whether to retrain.

    The plain rule: retrain unless the metric's value reaches the KPI. Samples chosen
    because they are hard make this value pessimistic.

    Args:
        champion: None where there is none.
        kpi: value of the metric to reach; None switches Compare off.
    """
    if champion is None:
        return Verdict(True, "there is no champion yet", metric)
    if not ids:
        return Verdict(False, "nothing new was labelled", metric)
    value = champion.evaluate(data.batches(ids, labels, batch_size=512))[metric]
    interval = _wilson(value, len(ids)) if metric == "accuracy" else None
    found = f"{metric} {value:.4f} on {len(ids)} new samples"
    if kpi is None:
        return Verdict(True, f"{found}; the KPI is off", metric, value, interval, len(ids))
    if value >= kpi:
        return Verdict(False, f"{found} meets the KPI {kpi:g}", metric, value, interval, len(ids))
    return Verdict(True, f"{found} misses the KPI {kpi:g}", metric, value, interval, len(ids))


def _wilson(value: float, samples: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion."""
    from scipy.stats import binomtest

    found = binomtest(round(value * samples), samples).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
