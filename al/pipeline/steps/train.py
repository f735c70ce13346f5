"""Step train: one training run for each candidate."""

from __future__ import annotations

from al.agents import Examples
from al.pipeline.cycle import Cycle
from al.pipeline.steps import TRAIN
from al.state import LabelTable, ids_digest
from al.tracking import Checkpoints, Input, Run


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
        cycle.told = f"trained on {_said(cycle.labels)}"
    recorder.forget()  # not before the step is marked as done: until then it serves


def _said(labels: LabelTable) -> str:
    answers = len(labels.originals.ids)
    copies = len(labels.ids) - answers
    return f"{answers} labels" + (f" and {copies} copies" if copies else "")


def _train(cycle: Cycle, run: Run, number: int) -> Checkpoints:
    session, config = cycle.session, cycle.session.config
    labels = session.present(cycle.labels)
    val = session.data.ids("val")
    measured_on = (f"{config.task}-validation", ids_digest(val))
    hyper = ("epochs", "patience", "batch_size", "lr", "seed", "criterion")
    version = None if config.init == "scratch" else cycle.champion_version
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
        }
    )
    table, splits = f"runs:/{cycle.run.id}/state/labels.parquet", f"runs:/{session.run.id}/"
    run.log_datasets(
        Input(config.task, labels.digest, table, len(labels.ids), "training"),
        Input(*measured_on, f"{splits}campaign.json", len(val), "validation"),
    )
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
    agent.fit()
    recorder.close()
    run.describe(f"trained on {_said(labels)} for {agent.epoch} epochs")
    return recorder
