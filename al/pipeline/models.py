"""Models that are there: each made of what the cycle that trained it had, then its weights.

Where a campaign changed what learns, its earlier models are of another making than the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from al.catalog import make_task
from al.errors import StateError
from al.graphs import Crossed
from al.pipeline.changes import changed_in
from al.pipeline.making import Makings
from al.pipeline.measuring import settle
from al.pipeline.session import Session
from al.pipeline.workers import CampaignModel
from al.scratch import scratch_folder
from al.tracking import Checkpoints, Run
from al.whole import digest_of

#: Parameters that say of what making models are and may change on the way.
LEARNS = ("estimator", "head")


def model_of(session: Session, version: int) -> CampaignModel:
    """The model of a version, from its weights and the project's own code.

    Raises:
        RegistryError: its weights are damaged or gone.
    """
    with scratch_folder() as scratch:
        folder, digest = session.registry.fetch_weights(version, Path(scratch))
        makings = _makings_of(session, version)
        graph = makings.new_graph()
        graph.load_weights(folder)
        crossed = Crossed.load(folder, makings.new_graph)
    return session.model(graph, session.registry.weights_uri(version), digest, makings, crossed)


def model_in(
    session: Session, checkpoint: str, scratch: Path, makings: Makings | None = None
) -> CampaignModel:
    """The model of a checkpoint.

    Args:
        scratch: where its weights are fetched to.
        makings: what it was made of; by default what this cycle's are.

    Raises:
        StateError: they are damaged or gone.
    """
    weights = Checkpoints.fetch(session.store, checkpoint, scratch / "weights")
    made = makings or session.makings
    graph = made.new_graph()
    graph.load_weights(weights)
    crossed = Crossed.load(weights, made.new_graph)
    uri = Checkpoints.uri(checkpoint)
    return session.model(graph, uri, digest_of(weights), makings, crossed)


def makings_in(session: Session, step: Run) -> Makings:
    """What models were made of in the cycle that a step's run belongs to."""
    if not _mixed(session):
        return session.makings
    return _made_with(session, changed_in(session.store.get(step.tags["al.cycle_run"])))


def _makings_of(session: Session, version: int) -> Makings:
    """What a version was made of; one that no cycle made is taken for one of this cycle's."""
    if not _mixed(session):
        return session.makings
    try:
        return makings_in(session, session.store.get(session.registry.made_by(version)))
    except StateError:
        return session.makings


def _mixed(session: Session) -> bool:
    """Whether models of several makings may be there."""
    return not {*session.changes, *session.next_changes}.isdisjoint(LEARNS)


def _made_with(session: Session, changes: Mapping[str, Any]) -> Makings:
    begun, now = session.begun, session.makings
    config = now.config.replace(**{n: changes.get(n, getattr(begun, n)) for n in LEARNS})
    if config == now.config:
        return now
    task = make_task(config.task, config.of_task)
    settle(config, task, now.data)
    return Makings(config, task, now.data, now.criterion, now.device)
