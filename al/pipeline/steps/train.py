"""Step train: one training run for each candidate."""

from __future__ import annotations

from al.agents import Examples, Schedule, SupervisedAgent
from al.contracts import Graph
from al.pipeline.cycle import Cycle
from al.pipeline.steps import TRAIN
from al.randomness import seeded, torch_seed
from al.state import ids_digest
from al.tracking import Checkpoints, Run

#: Shares of the champion's weights and of fresh random ones.
INIT = {"champion": (1.0, 0.0), "shrink-perturb": (0.5, 0.1)}


def train(cycle: Cycle) -> bool:
    """Train every candidate that is not trained yet; the cycle goes on."""
    for number in range(cycle.session.config.candidates):
        if not cycle.done(TRAIN, number):
            with cycle.step(TRAIN, number) as run:
                recorder = _train(cycle, run, number)
                cycle.told = f"trained on {len(cycle.labels.ids)} labels"
            recorder.forget()  # not before the step is marked as done: until then it serves
    return False


def _start(cycle: Cycle, graph: Graph) -> str:
    """Give the graph the weights that training starts from; returns whose they are."""
    champion_graph, config = cycle.champion_graph(), cycle.session.config
    if champion_graph is None or cycle.champion_version is None or config.init == "scratch":
        return "scratch"
    keep, fresh = INIT[config.init]
    graph.start_from(champion_graph, keep=keep, fresh=fresh)
    return cycle.session.registry.uri(cycle.champion_version)


def _train(cycle: Cycle, run: Run, number: int) -> Checkpoints:
    session, config = cycle.session, cycle.session.config
    labels = session.present(cycle.labels)
    val = session.data.ids("val")
    measured_on = (f"{config.task}-validation", ids_digest(val))
    hyper = ("epochs", "patience", "batch_size", "lr", "seed", "criterion")
    run.log_params({name: getattr(config, name) for name in hyper})
    run.log_params({"candidate": number, "labels": len(labels.ids)})
    source = f"runs:/{cycle.run.id}/state/labels.parquet"
    run.log_dataset(config.task, labels.digest, source, len(labels.ids), "training")
    source = f"runs:/{session.run.id}/campaign.json"
    run.log_dataset(*measured_on, source, len(val), "validation")

    draw = (config.seed, cycle.number, number)
    with seeded(torch_seed(config.seed, cycle.number, "init", number), session.device.type):
        graph = session.new_graph()
        begun_from = _start(cycle, graph)
        graph.prepare_training(lr=config.lr, epochs=config.epochs)
    run.log_params({"init": config.init, "init_from": begun_from})
    prefix = f"{config.name}-c{cycle.number:02d}-t{number}"
    recorder = Checkpoints(session.store, run, number, prefix, measured_on)
    agent = (session.task.agent or SupervisedAgent)(
        graph,
        session.data,
        train=Examples(labels.ids, labels.labels),
        val=Examples(val, tuple(session.data.truth(val))),
        schedule=Schedule(
            epochs=config.epochs,
            patience=config.patience,
            checkpoints=config.checkpoints,
            batch_size=config.batch_size,
            draw=draw,
        ),
        criterion=session.criterion,
        recorder=recorder,
    )
    agent.fit()
    recorder.flush()
    run.describe(f"trained on {len(labels.ids)} labels for {agent.epoch} epochs")
    return recorder
