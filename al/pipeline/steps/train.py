"""Step train: one training run for each candidate."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from al.agents import Examples
from al.contracts import Candidate
from al.kinds import kind_of
from al.pipeline.aside import never_in_the_way
from al.pipeline.cycle import Cycle
from al.pipeline.inputs import inputs_of
from al.pipeline.models import model_in
from al.pipeline.steps import TRAIN
from al.pipeline.trainers import train_together
from al.pipeline.validating import guessed, judges, judges_of
from al.report import Judged, write_training
from al.scratch import scratch_folder
from al.state import LabelTable, ids_digest
from al.tracking import Checkpoints, Input, Run

_log = logging.getLogger(__name__)


def train(cycle: Cycle) -> bool:
    """Train every candidate that is not trained yet; the cycle goes on."""
    for number in range(cycle.session.config.candidates):
        if not cycle.done(TRAIN, number):
            _candidate(cycle, number)
    return False


def train_again(cycle: Cycle, number: int) -> None:
    """Train a candidate whose checkpoints are damaged once more; they come out the same."""
    Checkpoints.discard(cycle.session.store, cycle.steps[TRAIN.name, number])
    _candidate(cycle, number)


def _candidate(cycle: Cycle, number: int) -> None:
    with cycle.step(TRAIN, number) as run:
        recorder = _train(cycle, run, number)
        cycle.candidates[number] = recorder.made
        cycle.outcome = f"trained on {_amount(cycle.labels)}"
    recorder.forget()  # not before the step is marked as done: until then it serves


def _amount(labels: LabelTable) -> str:
    answers = len(labels.originals.ids)
    copies = len(labels.ids) - answers
    return f"{answers} labels" + (f" and {copies} copies" if copies else "")


def _train(cycle: Cycle, run: Run, number: int) -> Checkpoints:
    session, config = cycle.session, cycle.session.config
    labels = session.present(cycle.labels)
    val = judges(session, cycle.labels).ids
    what = "labels" if config.by_folds else "validation"
    measured_on = (f"{config.task}-{what}", ids_digest(val))
    hyper = ("epochs", "patience", "batch_size", "lr", "seed", "criterion")
    version = _begins_from(cycle)
    begun_from = "scratch" if version is None else session.registry.uri(version)
    answers = len(labels.originals.ids)
    run.log_params(
        {
            **{name: getattr(config, name) for name in hyper},
            "candidate": number,
            "labels": answers,
            "copies": len(labels.ids) - answers,
            "init": config.init,
            "init_from": begun_from,
        },
        later=True,
    )
    source = f"runs:/{session.run.id}/campaign.json"
    validation = Input(*measured_on, source, len(val), "validation")
    run.log_datasets(*inputs_of(cycle, labels, "training"), validation)
    prefix = f"{config.name}-c{cycle.number:02d}-t{number}"
    recorder = Checkpoints(session.store, run, number, prefix, measured_on)
    agent = session.makings.agent(
        Examples(labels.ids, labels.labels),
        recorder,
        cycle=cycle.number,
        number=number,
        checkpoints=config.checkpoints,
        start=None if version is None else cycle.model(version).graph,
    )
    train_together(session, agent, cycle.number, number)
    agent.fit()
    recorder.close()
    summary = f"trained on {_amount(labels)} for {agent.epoch} epochs"
    run.describe(summary)
    if config.report == "on":
        with never_in_the_way("the page of a training"):
            lead = f"Candidate {number} of cycle {cycle.number}: {summary}."
            _tell(cycle, run, recorder.made, lead)
    return recorder


def _begins_from(cycle: Cycle) -> int | None:
    """The version whose weights a training begins with; None where it begins from scratch."""
    version, config = cycle.champion_version, cycle.session.config
    if config.init == "scratch" or version is None:
        return None
    if cycle.model(version).recipe.campaign().config.of_task == config.of_task:
        return version
    _log.info(f"cycle {cycle.number:2d}: v{version} is another model: training is from scratch")
    return None


def _tell(cycle: Cycle, run: Run, made: Sequence[Candidate], summary: str) -> None:
    """Leave a page with the training's curves, and what its best epoch gets right."""
    session = cycle.session
    best = max(made, key=lambda candidate: session.criterion.rank(candidate.metrics))
    with scratch_folder() as scratch:
        model = model_in(session, best.checkpoint, Path(scratch))
    on, kind = judges_of(session, cycle.labels, model), kind_of(session.data.spec)
    truth = list(on.labels)
    guesses, sure = guessed(model, on)
    judged = Judged(truth, guesses, sure, kind.compared(truth, guesses), None, len(truth))
    names = ("train/loss", *best.metrics)
    history = {name: points for name in names if (points := run.metric_history(name))}
    lead = f"{summary} Its best epoch is {best.epoch}."
    run.save(lambda folder: write_training(folder, run.name, lead, history, kind, judged))
