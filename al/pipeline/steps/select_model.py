"""Step select-model: elect the best checkpoint, register it, promote it.

The election is written down before anything is done about it; after a cut the step does
what is written.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from al.contracts import Candidate, Election
from al.errors import StateError
from al.graphs import Crossed
from al.kinds.answering import answered
from al.model_selector import elect
from al.pipeline.cycle import Cycle
from al.pipeline.growing import KNOWS
from al.pipeline.models import model_in
from al.pipeline.steps import SELECT_MODEL, TRAIN
from al.pipeline.steps.train import train_again
from al.pipeline.validating import calibrated, judges, judges_of, validated
from al.registry import save_servable
from al.scratch import scratch_folder
from al.state import as_written
from al.tracking import Checkpoints, Run
from al.whole import digest_of

_log = logging.getLogger(__name__)

RECORD = "election.json"


@dataclass(frozen=True, kw_only=True)
class _Record(Election):
    """An election as it is written down.

    Attributes:
        champion_version: the one that stood against the candidates.
        waiting: the one that waited for approval then.
    """

    criterion: str
    promote: str
    validation_labels: int
    champion_version: Annotated[int | None, Field(alias="champion")]
    candidates: Sequence[Candidate]
    waiting: int | None = None


def select_model(cycle: Cycle) -> bool:
    """Hold the cycle's election and carry it out, once; the cycle goes on."""
    if done := cycle.done(SELECT_MODEL):
        version = done.tags.whole("al.version")
        record = _held_before(cycle, done, version)
        cycle.champion_version_after = version if record.promoted else record.champion_version
        cycle.winner_version = version
        cycle.election = replace(record, offered=done.tags.get("al.offered") == "True")
        return False
    resumed = (SELECT_MODEL.name, 0) in cycle.steps
    with cycle.step(SELECT_MODEL) as run:
        written = _written(cycle, run) if resumed and run.has(RECORD) else None
        if written is None:
            written = _hold(cycle, cycle.session.registry.made_in(run.id) if resumed else None)
            run.save_json(RECORD, as_written(written))
        record = written
        with scratch_folder() as scratch:
            try:
                weights = _weights(cycle, record, Path(scratch))
            except StateError as error:
                _train_again(cycle, record.winner.number, error)
                record = _hold(cycle)
                run.save_json(RECORD, as_written(record))
                weights = _weights(cycle, record, Path(scratch) / "again")
            cycle.election = record
            _carry_out(cycle, run, record, weights, again=resumed)
    return False


def _written(cycle: Cycle, run: Run) -> _Record | None:
    """The election as it is written down; None, with a line, where that is damaged."""
    try:
        return run.load_json(RECORD, _Record)
    except StateError as error:
        damage = str(error).rpartition(": ")[0]
        _log.warning(f"cycle {cycle.number}: {damage}; the election is held again")
        return None


def _held_before(cycle: Cycle, run: Run, version: int) -> _Record:
    """The election that was carried out; made again of checkpoints and tags where it is damaged.

    Args:
        version: that it made.
    """
    record = _written(cycle, run)
    if record is None:
        promoted, why = run.tags["al.promoted"] == "True", run.tags["al.why"]
        record = replace(_hold(cycle, version), promoted=promoted, why=why)
        run.save_json(RECORD, as_written(record))
    return record


def _weights(cycle: Cycle, record: _Record, scratch: Path) -> Path:
    return Checkpoints.fetch(cycle.session.store, record.winner.checkpoint, scratch / "weights")


def _hold(cycle: Cycle, made: int | None = None) -> _Record:
    """Elect.

    Args:
        made: the version that this election has made before; it stands against nobody.
    """
    session, config = cycle.session, cycle.session.config
    candidates = _all_candidates(cycle)
    # A person may have promoted another version while the cycle ran; that one is to beat.
    standing = session.registry.standing(cycle.champion_version)
    stood = standing.version
    if made is not None and stood == made:
        stood = cycle.champion_version
    election = elect(candidates, None, session.criterion)
    if stood is not None and session.knows_all(stood):
        try:
            election = _against(cycle, election.winner, stood)
        except StateError as error:
            _train_again(cycle, election.winner.number, error)
            candidates = _all_candidates(cycle)
            winner = elect(candidates, None, session.criterion).winner
            election = _against(cycle, winner, stood)
    waiting = None if standing.waiting == made else standing.waiting
    if config.promote == "ask":
        election = _asking(cycle, election, waiting)
    return _Record(
        election.winner,
        election.promoted,
        election.why,
        election.champion_metrics,
        election.offered,
        election.held,
        waiting=waiting,
        criterion=config.criterion,
        promote=config.promote,
        validation_labels=len(judges(session, cycle.labels).ids),
        champion_version=stood,
        candidates=candidates,
    )


def _against(cycle: Cycle, winner: Candidate, version: int) -> Election:
    """The election of the best candidate and a version, both judged by the same labels.

    Raises:
        StateError: the candidate's checkpoint is damaged.
    """
    session, model = cycle.session, cycle.model(version)
    always = session.config.promote == "always"
    if not session.config.by_folds:
        found = _named(validated(model, judges_of(session, cycle.labels, model)))
        return elect([winner], found, session.criterion, always=always)
    with scratch_folder() as scratch:
        candidate = model_in(session, winner.checkpoint, Path(scratch))
    on = judges_of(session, cycle.labels, candidate, model)
    mine, theirs = (_named(validated(each, on)) for each in (candidate, model))
    if not on.ids:  # a version that brings no copies has nothing to say for itself
        mine = dict(winner.metrics)
    election = elect([replace(winner, metrics=mine)], theirs, session.criterion, always=always)
    why = f"{election.why}, on the {len(on.ids)} labels that both are judged by"
    return replace(election, winner=winner, why=why, held=mine)


def _named(figures: Mapping[str, float]) -> dict[str, float]:
    return {f"val/{name}": value for name, value in figures.items()}


def _train_again(cycle: Cycle, number: int, error: StateError) -> None:
    """Train a candidate whose checkpoints are damaged once more, and say so."""
    damage = str(error).rpartition(": ")[0]
    _log.warning(f"cycle {cycle.number}: {damage}; candidate {number} is trained again")
    train_again(cycle, number)


def _all_candidates(cycle: Cycle) -> list[Candidate]:
    """The checkpoints of all training runs of the cycle."""
    count = cycle.session.config.candidates
    return [one for number in range(count) for one in _candidates(cycle, number)]


def _candidates(cycle: Cycle, number: int) -> list[Candidate]:
    """The checkpoints of a training run."""
    if number not in cycle.candidates:
        run = cycle.steps[TRAIN.name, number]
        cycle.candidates[number] = Checkpoints.candidates(cycle.session.store, [run])
    return cycle.candidates[number]


def _asking(cycle: Cycle, election: Election, waiting: int | None) -> Election:
    """The election where a person is asked: who would be promoted is offered.

    A version that waits already is to beat as well.
    """
    if not election.promoted:
        return election
    if waiting is not None:
        against = _against(cycle, election.winner, waiting)
        if not against.promoted:
            return replace(
                election,
                promoted=False,
                why=f"{election.why}; v{waiting}, which waits for approval, is better",
            )
    return replace(election, promoted=False, offered=True)


def _carry_out(cycle: Cycle, run: Run, election: _Record, weights: Path, *, again: bool) -> None:
    """Register the winner and, if it was elected for that, promote it; twice is once.

    Args:
        weights: of the winner.
        again: it may have begun before.
    """
    session, registry = cycle.session, cycle.session.registry
    winner, metric = election.winner, session.criterion.metric
    why = f"cycle {cycle.number}: {election.why}"
    with scratch_folder() as scratch:
        graph = session.new_graph()
        graph.load_weights(weights)
        crossed = Crossed.load(weights, session.new_graph)
        task, spec, example = session.task, session.data.spec, session.data.example()
        save_servable(
            Path(scratch) / "servable",
            weights=weights,
            task=session.config.task,
            parameters=session.config.of_task,
            spec=spec,
            example=example,
            answer=answered(task, spec, graph, example),
        )
        digest = digest_of(weights)
        uri = Checkpoints.uri(winner.checkpoint)
        model = session.model(graph, uri, digest, crossed=crossed)
        calibration = calibrated(model, judges_of(session, cycle.labels, model))
        version = registry.register(
            Path(scratch) / "servable",
            run_id=run.id,
            experiment_id=run.experiment_id,
            name=f"{session.config.name}-c{cycle.number:02d}-winner",
            description=(
                f"{metric} {winner.metrics[metric]:.3f}{' by folds' if crossed else ''}, "
                f"{len(cycle.labels.originals.ids)} labels, {why}"
            ),
            tags={
                "al.cycle": cycle.number,
                "al.labels": len(cycle.labels.originals.ids),
                "al.weights": digest,
                KNOWS: len(session.data.spec.classes),
                "al.checkpoint": winner.checkpoint,
                **({"al.temperature": calibration.temperature} if calibration else {}),
            },
            promoted=why if election.promoted else "",
            again=again,
        )
    cycle.keep_model(version, graph, digest, crossed)
    if election.promoted:
        registry.promote(version, why, again=again)
    else:
        registry.settle(registry.standing(cycle.champion_version))
    offered = election.offered and _offer(cycle, election, version, digest)
    cycle.election = replace(election, offered=offered)
    cycle.winner_version = version
    session.save_promotions()
    cycle.champion_version_after = version if election.promoted else election.champion_version
    run.log_metrics({f"winner/{n}": v for n, v in winner.metrics.items()})
    if calibration is not None:
        run.log_metrics(
            {
                "calibration/temperature": calibration.temperature,
                "calibration/ece": calibration.before,
                "calibration/ece_scaled": calibration.after,
            }
        )
    outcome = "promoted" if election.promoted else "offered" if offered else "not promoted"
    run.describe(f"v{version} {outcome}: {election.why}")
    run.conclude(
        {
            "al.version": version,
            "al.promoted": election.promoted,
            "al.offered": offered,
            "al.why": election.why,
            "al.winner": registry.uri(version),
        }
    )


def _offer(cycle: Cycle, election: _Record, version: int, digest: str) -> bool:
    """Ask a person about the winner, unless the same was rejected before; whether it waits."""
    registry = cycle.session.registry
    if (rejected := registry.rejected(digest)) is not None:
        _log.info(f"v{version} has the weights of v{rejected}, which was rejected: not offered")
        return False
    registry.offer(version, election.waiting)
    if election.waiting is not None:
        _log.info(f"v{election.waiting} was not decided about: v{version} takes its place")
    _log.info(registry.how_to_decide(version))
    return True
