"""How a cycle ends: its state, its point of the learning curve, and its line."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from al.errors import RegistryError
from al.pipeline.cycle import Cycle
from al.pipeline.figures import measured
from al.pipeline.history import remember
from al.pipeline.inputs import inputs_of
from al.pipeline.label_quality import look_at_labels
from al.pipeline.workers import CampaignModel
from al.state import ChampionRecord, State, ids_digest
from al.tracking import points_of

_log = logging.getLogger(__name__)


def close(cycle: Cycle) -> State:
    """Save the state, draw the point of the learning curve, and end the cycle's run."""
    session = cycle.session
    champion_record = _champion_record(cycle)
    pool = session.unasked(cycle.labels)
    epochs = cycle.election.winner.epoch if cycle.election else None
    quality, suspicious = look_at_labels(
        session, cycle.run, cycle.number, cycle.labels, epochs, _with_copies(cycle)
    )
    state = State(
        campaign=session.config.name,
        cycle=cycle.number,
        labels=cycle.labels,
        champion_record=champion_record,
        retrained=cycle.election is not None,
        pool_size=len(pool),
        pool_digest=ids_digest(pool),
        memory=_memory(cycle),
        suspicious=suspicious,
        changes=session.changes,
        classes=session.classes,
        new_classes=cycle.new_classes,
        held_out=cycle.held_out,
    )
    own = state.labels.originals
    count = len(own.ids)  # answers, whatever copies have them too
    cycle.run.save(state.save, "state")
    table = own.frame
    answered = table["status"] == "answered"
    seconds = state.labels.seconds + state.held_out.seconds
    figures: dict[str, float] = {
        "cycle/labels": count,
        "cycle/copies": len(state.labels.ids) - count,
        "cycle/new_labels": int((answered & (table["collected"] == cycle.number)).sum()),
        "cycle/answers": state.paid,
        "cycle/corrected": int((table["before"] != "").sum()),
        "cycle/waiting": len(state.waiting),
        "cycle/annotation_seconds": seconds,
        "cycle/validation_labels": len(session.data.ids("val")),
        "cycle/pool": len(pool),
        "cycle/retrained": float(state.retrained),
        "cycle/seconds": time.time() - cycle.run.started,
    }
    figures |= quality
    curve: dict[str, float] = {}
    if champion_record is not None:
        figures |= {f"cycle/val_{name}": value for name, value in champion_record.val.items()}
        figures |= {f"cycle/test_{name}": value for name, value in champion_record.test.items()}
        figures["cycle/version"] = champion_record.version
        gains = _gains(cycle, champion_record)
        figures |= {f"cycle/gain_{name}": gain for name, gain in gains.items()}
        curve = {f"test/{name}": value for name, value in champion_record.test.items()}
    for rule in session.stop_rules:
        figures |= {f"cycle/{name}": value for name, value in rule.figures(cycle, state).items()}
    line = _line(cycle, state)
    cycle.run.log_metrics(figures)
    cycle.run.log_datasets(*inputs_of(cycle, state.labels, "labelled"))
    cycle.run.describe(line)
    drawn = points_of(curve, count)
    if seconds:  # of people
        by_seconds = {f"by_seconds/{key.partition('/')[2]}": v for key, v in curve.items()}
        drawn += points_of(by_seconds, round(seconds))
    session.run.log_points(drawn)  # before the cycle counts as done
    cycle.run.finish()
    session.state = state
    session.seen_data.close()
    remember(session, figures)
    _log.info(line)
    return state


def _with_copies(cycle: Cycle) -> CampaignModel | None:
    """The newest model that brings copies of itself, with `validation=folds`."""
    version = cycle.champion_version if cycle.election is None else cycle.winner_version
    if not cycle.session.config.by_folds or version is None:
        return None
    with suppress(RegistryError):  # a person deleted it
        model = cycle.model(version)
        return model if model.crossed is not None else None
    return None


def _gains(cycle: Cycle, champion_record: ChampionRecord) -> dict[str, float]:
    """What validation by folds says that the cycle has gained, by metric.

    As each champion is judged by more labels than the one before, their own figures say little of
    each other; those of an election are of the same labels.
    """
    election = cycle.election
    if not cycle.session.config.by_folds or cycle.champion_version is None:
        return {}
    if election is None or not election.held or not (election.promoted or election.offered):
        return dict.fromkeys(champion_record.val, 0.0)
    before = election.champion_metrics or {}
    gains = {name: election.held[name] - value for name, value in before.items()}
    return {n.removeprefix("val/"): gain for n, gain in gains.items() if math.isfinite(gain)}


def _memory(cycle: Cycle) -> Mapping[str, Any]:
    """What the strategy left for the next cycle; one that keeps nothing changes nothing."""
    left = None if cycle.query is None else cycle.query.memory
    return cycle.session.state.memory if left is None else left


def _champion_record(cycle: Cycle) -> ChampionRecord | None:
    """The version in Production now, measured; figures of the same version are kept."""
    before = cycle.session.state.champion_record
    version = cycle.champion_version if cycle.election is None else cycle.champion_version_after
    if version is None:
        return None
    try:
        digest = cycle.model(version).digest
    except RegistryError:
        return _instead(cycle, version)
    same = before is not None and (before.version, before.weights) == (version, digest)
    if before is not None and same and before.test and not _judged_by_more(cycle):
        return before
    return measured(cycle.session, cycle.model(version), version, cycle.labels)


def _judged_by_more(cycle: Cycle) -> bool:
    """Whether answers about validation and test samples have come or changed in the cycle."""
    return cycle.held_out.digest != cycle.session.state.held_out.digest


def _instead(cycle: Cycle, deleted: int) -> ChampionRecord | None:
    """The version in Production, measured, where the one that was there was deleted.

    Raises:
        RegistryError: it was not deleted, and holds no weights.
    """
    registry = cycle.session.registry
    if registry.has(deleted):
        cycle.model(deleted)  # raises
    standing = registry.standing(deleted)
    registry.settle(standing)
    version = standing.version
    instead = "no version is" if version is None else f"v{version} is"
    _log.warning(f"v{deleted} was deleted: {instead} in Production")
    if version is None:
        return None
    return measured(cycle.session, cycle.model(version), version, cycle.labels)


def _line(cycle: Cycle, state: State) -> str:
    """The one line that a cycle prints; with short names it fits a terminal of 80 columns."""
    config = cycle.session.config
    metric = cycle.session.task.metric
    strategy = config.cold_start if cycle.champion_version is None else config.strategy
    total = f"/{config.cycles}" if cycle.number <= config.cycles else ""
    aside = len(cycle.session.data.ids("val"))
    words = [
        f"cycle {cycle.number:2d}{total}",
        f"{len(state.labels.originals.ids):3d} labels" + (f" (+{aside})" if aside else ""),
        f"{strategy:<{max(len(config.cold_start), len(config.strategy))}}",
    ]
    if state.champion_record is None:
        words.append("no model")
    else:
        words += [
            f"{metric} {state.champion_record.val[metric]:.3f} val"
            f" {state.champion_record.test[metric]:.3f} test",
            f"v{state.champion_record.version}",
        ]
    words.append(f"{cycle.seconds:.1f} s")
    if cycle.verdict is not None and not cycle.verdict.retrain:
        words.append(f"not retrained: {cycle.verdict.why}")
    elif cycle.election is not None and cycle.election.offered:
        words.append("the winner waits for approval")
    elif cycle.election is not None and not cycle.election.promoted:
        words.append("champion kept")
    return "  ".join(words)
