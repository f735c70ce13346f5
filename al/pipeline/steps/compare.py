"""Step compare: does the champion meet its KPI on the new answers?"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from al.compare import Drift, Sample, drift
from al.compare import compare as judge
from al.contracts import AUDIT, AUDITS, Verdict
from al.engine import Runner
from al.errors import StateError
from al.pipeline.cycle import Cycle
from al.pipeline.draws import AUTO_LABEL
from al.pipeline.query_record import load_query
from al.pipeline.steps import COMPARE, SELECT_DATA
from al.randomness import generator
from al.tracking import Run

_log = logging.getLogger(__name__)

#: Cycles whose samples are judged together, as long as one champion stood.
RECENT = 10


def compare(cycle: Cycle) -> bool:
    """Make the cycle's verdict, once; the cycle is over where the KPI is met."""
    if done := cycle.done(COMPARE):
        try:
            cycle.verdict = done.load_json("verdict.json", Verdict)
            return not cycle.verdict.retrain
        except StateError as error:
            damage = str(error).rpartition(": ")[0]
            _log.warning(f"cycle {cycle.number}: {damage}; the verdict is made again")
    with cycle.step(COMPARE) as run:
        verdict, clean, moved = _verdict(cycle)
        _draw(run, "drift.png", clean, "drift", "new, drawn uniformly", "for validation")
        _draw(run, "drift_from_training.png", moved, "new from labelled", "new", "labelled before")
        run.save_json("verdict.json", asdict(verdict), sync=False)
        run.log_metrics(_figures(verdict) | {"compare/response": _response(cycle)})
        run.conclude({"al.rule": verdict.rule, "al.estimator": verdict.estimator})
        cycle.outcome = f"{'retrain' if verdict.retrain else 'no training'}: {verdict.why}"
        run.describe(cycle.outcome)
    cycle.verdict = verdict
    return not verdict.retrain


def _draw(run: Run, name: str, found: Drift | None, *words: str) -> None:
    """A test for drift as a picture, where there was one."""
    if found is not None:
        figure = found.figure(*words)
        run.save(lambda folder: figure.savefig(folder / name, dpi=120))


def _verdict(cycle: Cycle) -> tuple[Verdict, Drift | None, Drift | None]:
    """The verdict, and how new samples differ from validation's and from the labelled ones."""
    session, config = cycle.session, cycle.session.config
    metric, champion_model = session.task.metric, cycle.champion_model()
    if not len(cycle.labels.ids):
        return Verdict(False, "nothing is labelled yet", metric), None, None
    rows = _recent(cycle)
    rows = rows[rows["status"] == "answered"]
    verdict = judge(
        champion_model,
        _samples(rows, _confidence(cycle, rows)),
        metric=metric,
        kpi=config.kpi_value,
        rule=config.compare,
        rng=generator(config.seed, cycle.number, COMPARE.name),
    )
    if verdict.estimator != "plain" and (response := _response(cycle)) < 1:
        why = f"{verdict.why}; {response:.0%} of those drawn for it are answered"
        verdict = dataclasses.replace(verdict, why=why)
    if champion_model is None or config.kpi_value is None or not len(rows):
        return verdict, None, None
    clean, moved = _drifts(cycle, champion_model, rows)
    verdict = dataclasses.replace(
        verdict,
        drift=clean.auc if clean else None,
        drift_p=clean.p if clean else None,
        drift_from_training=moved.auc if moved else None,
    )
    return verdict, clean, moved


def _recent(cycle: Cycle) -> pd.DataFrame:
    """What was asked since this champion came, whose answers it has not learned from.

    A late answer to a query of another champion counts for none: its chances are not those of
    this champion's queries. Where people have taken over from the data's own labels, only they
    tell.
    """
    table = cycle.labels.originals.frame  # an answer counts once
    by_champion = table["model"] == (cycle.query.model if cycle.query else "none")
    recent = table["cycle"] > cycle.number - RECENT
    if (since := cycle.session.people_since) <= cycle.number:
        recent &= table["cycle"] >= since
    gone = cycle.session.data.missing(cycle.labels.ids)
    # What was drawn to label automatically comes from where the champion is surest.
    drawn = table["strategy"] == AUTO_LABEL
    return table[by_champion & recent & ~drawn & ~table["id"].isin(gone)]


def _response(cycle: Cycle) -> float:
    """Share of the samples drawn with known chances that are answered.

    The estimate takes those that are not answered, or were skipped, for like the others.
    """
    rows = _recent(cycle)
    drawn = rows["status"][(rows["strategy"].isin(AUDITS)) | rows["propensity"].notna()]
    return float((drawn == "answered").mean()) if len(drawn) else 1.0


def _samples(rows: pd.DataFrame, confidence: Mapping[int, _Confidence]) -> list[Sample]:
    columns = (rows[name] for name in ("id", "label", "cycle", "strategy", "propensity"))
    samples = []
    for id, label, number, why, chance in zip(*columns, strict=True):
        known = confidence.get(number, _Confidence())
        sample = Sample(
            id,
            json.loads(label),
            number,
            why in AUDITS,
            None if np.isnan(chance) else chance,
            known.sure.get(id),
            known.expected,
            known.expected_of,
        )
        samples.append(sample)
    return samples


@dataclass(frozen=True)
class _Confidence:
    """How sure the champion was of a query's samples, and of the pool that they come from."""

    sure: Mapping[str, float] = field(default_factory=dict)
    expected: float | None = None
    expected_of: float = math.inf


def _confidence(cycle: Cycle, rows: pd.DataFrame) -> dict[int, _Confidence]:
    """The same by cycle, where an audit slice was drawn."""
    session, found = cycle.session, {}
    if session.config.compare != "interval" or session.config.kpi_value is None:
        return {}
    cycles = set(rows["cycle"][rows["strategy"].isin(AUDITS)])
    campaign = {"al.step": SELECT_DATA.name, "al.campaign_run": session.run.id}
    for run in session.store.find(campaign) if cycles else ():
        number = run.tags.whole("al.cycle")
        if number not in cycles or not run.finished or "query/confidence" not in run.metrics:
            continue
        try:
            query = load_query(run)
        except StateError as error:
            _log.warning(
                f"{str(error).rpartition(': ')[0]}: its samples count for themselves alone"
            )
            continue
        found[number] = _Confidence(
            dict(zip(query.ids, query.confidence, strict=False)),
            run.metrics["query/confidence"],
            run.metrics["query/confidence_of"],
        )
    return found


def _drifts(
    cycle: Cycle, champion_model: Runner, rows: pd.DataFrame
) -> tuple[Drift | None, Drift | None]:
    """How different the new samples look to the champion from those for validation, and from
    the labelled ones."""
    session = cycle.session
    rng = generator(session.config.seed, cycle.number, "drift")

    def seen(ids: Sequence[str]) -> np.ndarray:
        return champion_model.infer(ids, ["embeddings"])["embeddings"]

    uniform = list(rows["id"][rows["strategy"].isin([AUDIT, "explore", "random"])])
    new = list(rows["id"][rows["cycle"] == cycle.number])
    before = session.present(session.state.labels.originals).ids
    try:
        val = session.data.ids("val")  # with validation=folds nothing was put aside to compare with
        clean = drift(seen(uniform), seen(val), rng) if uniform and val else None
        moved = drift(seen(new), seen(before), rng) if new and before else None
    except KeyError:  # a graph without embeddings
        return None, None
    return clean, moved


def _figures(verdict: Verdict) -> dict[str, float]:
    """The verdict as metrics; what is not known is left out."""
    low, high = verdict.interval or (None, None)
    figures = {
        "compare/retrain": float(verdict.retrain),
        "compare/samples": float(verdict.samples),
        f"compare/{verdict.metric}": verdict.value,
        "compare/low": low,
        "compare/high": high,
        "compare/plain": verdict.plain,
        "compare/drift": verdict.drift,
        "compare/drift_p": verdict.drift_p,
        "compare/drift_from_training": verdict.drift_from_training,
    }
    return {name: value for name, value in figures.items() if value is not None}
