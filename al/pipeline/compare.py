"""Step compare: does the champion meet its KPI on the new answers?"""

from __future__ import annotations

from dataclasses import asdict

from al.compare import compare as judge
from al.contracts import Verdict
from al.pipeline.cycle import Cycle

STEP = "compare"


def compare(cycle: Cycle) -> bool:
    """Make the cycle's verdict, once; the cycle is over where the KPI is met."""
    session = cycle.session
    if done := cycle.done(STEP):
        stored = done.load_json("verdict.json")
        interval = stored.pop("interval")
        cycle.verdict = Verdict(**stored, interval=tuple(interval) if interval else None)
        return not cycle.verdict.retrain
    with cycle.step(STEP) as run:
        new = cycle.labels.of_cycle(cycle.number)
        metric = session.task.metric
        if len(cycle.labels.ids):
            verdict = judge(
                cycle.champion_graph(),
                session.data,
                new.ids,
                new.labels,
                metric=metric,
                kpi=session.config.kpi_value,
            )
        else:
            verdict = Verdict(False, "nothing is labelled yet", metric)
        run.save_json("verdict.json", asdict(verdict))
        figures = {"compare/retrain": float(verdict.retrain)}
        if verdict.value is not None:
            figures[f"compare/{metric}"] = verdict.value
        if verdict.interval is not None:
            figures["compare/low"], figures["compare/high"] = verdict.interval
        run.log_metrics(figures)
        cycle.told = f"{'retrain' if verdict.retrain else 'no training'}: {verdict.why}"
        run.describe(cycle.told)
    cycle.verdict = verdict
    return not verdict.retrain
