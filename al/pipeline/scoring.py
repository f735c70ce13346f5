"""What a cycle's strategy sees: the pool, and the models that score it."""

from __future__ import annotations

import zlib
from pathlib import Path

from al.data_selector import Model, Share, View, distinct, passes_folder
from al.pipeline.cycle import Cycle
from al.pipeline.models import makings_in, model_in
from al.pipeline.steps import TRAIN
from al.pipeline.validating import calibrated, judges_of
from al.pipeline.workers import CampaignModel
from al.processor import processor_of
from al.randomness import torch_seed
from al.scratch import scratch_folder
from al.sources import code_digest
from al.tracking import Checkpoints


def view_of(cycle: Cycle, share: Share | None = None) -> View:
    """The pool as the cycle's strategy sees it: of copies one, and no label twice.

    Args:
        share: of the scoring that this process does for others; see `PoolPass`.
    """
    session, config = cycle.session, cycle.session.config
    champion_model = None
    if cycle.champion_version is not None:
        champion_model = _scorer(cycle, cycle.model(cycle.champion_version))
    labels = session.present(session.state.labels.originals)
    pool = session.pool
    return View(
        distinct(pool, session.contents) if session.asks_once else pool,
        labels.ids,
        labels.labels,
        data=session.data,
        champion_model=champion_model,
        committee=lambda: _committee(cycle),
        engine=session.engine,
        cycle=cycle.number,
        memory=session.state.memory,
        folder=passes_folder(),
        passes=config.passes,
        half=config.embeddings == "float16",
        precision=config.precision,
        share=share,
    )


def _scorer(cycle: Cycle, model: CampaignModel) -> Model:
    """A model with what tells its outputs from others': weights, code, parameters of the task.

    The stochastic passes are drawn by the weights, so that as long as a champion stands its
    samples stay the same and are kept.
    """
    session, recipe, digest = cycle.session, model.recipe, model.digest
    makings = recipe.campaign()
    taken = {name: value for name, value in makings.config.of_task.items() if name != "data"}
    made_by = f"{code_digest(makings.task)}-{zlib.crc32(repr(sorted(taken.items())).encode()):08x}"
    processor = session.engine.processor(processor_of(str(session.device)))
    key = f"{digest}-{made_by}-{zlib.crc32(processor.encode()):08x}"
    if session.config.calibrate == "on":
        on = judges_of(session, session.state.labels, model)
        if (found := calibrated(model, on)) is not None:
            recipe = recipe.scaled(found.temperature)
            key += f"-{found.temperature}"
    seed = torch_seed(session.config.seed, 0, f"passes {digest}") % 2**31
    return Model(recipe().graph, key, seed, recipe)


def _committee(cycle: Cycle) -> list[Model]:
    """The best checkpoint of each candidate of the latest cycle that trained."""
    session = cycle.session
    runs = session.store.find({"al.step": TRAIN.name, "al.campaign_run": session.run.id})
    done = [run for run in runs if run.finished]
    latest = max((run.tags.whole("al.cycle") for run in done), default=0)
    of_latest = [run for run in done if run.tags.whole("al.cycle") == latest]
    models, makings = [], makings_in(session, of_latest[0]) if of_latest else session.makings
    candidates = Checkpoints.candidates(session.store, of_latest)
    for number in sorted({candidate.number for candidate in candidates}):
        own = [candidate for candidate in candidates if candidate.number == number]
        best = max(own, key=lambda c: session.criterion.rank(c.metrics))
        with scratch_folder() as scratch:
            model = model_in(session, best.checkpoint, Path(scratch), makings)
        models.append(_scorer(cycle, model))
    return models
