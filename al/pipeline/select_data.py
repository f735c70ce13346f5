"""Step select-data: which samples to ask about, by the model in Production."""

from __future__ import annotations

import pandas as pd

from al.catalog import strategies
from al.contracts import Query
from al.data_selector import View, contact_sheet, select
from al.errors import StateError
from al.pipeline.cycle import Cycle
from al.progress import say
from al.randomness import generator, torch_seed
from al.registry import Standing
from al.tracking import Run

STEP = "select-data"


def select_data(cycle: Cycle) -> bool:
    """Make the cycle's query, once; the cycle goes on."""
    session, config = cycle.session, cycle.session.config
    if done := cycle.done(STEP):
        cycle.champion = _version(done.tags["al.model"])
        cycle.query = _load(done)
        return False
    with cycle.step(STEP) as run:
        standing = _settle(cycle, run)
        graph = cycle.champion_graph()
        name = config.cold_start if graph is None else config.strategy
        view = View(
            session.pool,
            session.state.labels.ids,
            session.state.labels.labels,
            data=session.data,
            graph=graph,
            engine=session.engine,
            seed=torch_seed(config.seed, cycle.number, "passes") % 2**31,
        )
        query = select(
            strategies.get(name),
            view,
            config.initial_size if graph is None else config.query_size,
            generator(config.seed, cycle.number, STEP),
            name=name,
            model="none" if standing.version is None else session.registry.uri(standing.version),
        )
        _save(run, query, cycle)
        by = name if graph is None else f"{name} with {query.model}"
        cycle.told = f"{len(query.ids)} of {len(session.pool)} samples chosen by {by}"
        run.describe(cycle.told)
    cycle.query = query
    return False


def _settle(cycle: Cycle, run: Run) -> Standing:
    """Find the version in Production, pin it for the cycle, and leave it alone there."""
    session = cycle.session
    before = session.state.champion
    standing = session.registry.standing(before.version if before else None)
    cycle.champion = standing.version
    uri = "none" if standing.version is None else session.registry.uri(standing.version)
    by = "nobody" if standing.version is None else "hand" if standing.by_hand else "pipeline"
    run.set_tags({"al.model": uri, "al.model_by": by})
    if standing.version is None and standing.by_hand:
        say(
            f"no version of {session.registry.name} is in Production any more: "
            f"this cycle starts without a model, by cold_start={session.config.cold_start}"
        )
    elif standing.by_hand:
        archived = ", ".join(f"v{version}" for version in standing.others)
        also = f"; archived {archived}, which was there beside it" if archived else ""
        say(f"v{standing.version} was put into Production by hand: this cycle uses it{also}")
    elif standing.alias not in (None, standing.version):
        say(
            f"the alias champion names v{standing.alias}, but v{standing.version} is in "
            "Production: the stage counts, the alias is moved back"
        )
    session.registry.settle(standing)
    return standing


def _save(run: Run, query: Query, cycle: Cycle) -> None:
    frame = pd.DataFrame(
        {
            "rank": range(len(query.ids)),
            "id": query.ids,
            "score": query.scores,
            "strategy": query.reasons,
            "model": query.model,
            "propensity": pd.array(query.propensities, dtype="Float64"),
        }
    )
    run.save_table("query.parquet", frame)
    sheet = contact_sheet(query, cycle.session.data)
    if sheet is not None:
        run.save(lambda folder: sheet.save(folder / "query.png"))
    run.set_tags({"al.strategy": query.strategy})
    figures = {
        "query/size": float(len(query.ids)),
        "query/mean_score": sum(query.scores) / len(query.scores),
        "query/pool": float(len(cycle.session.pool)),
    }
    run.log_metrics(figures)


def _load(run: Run) -> Query:
    frame = run.load_table("query.parquet")
    try:
        frame = frame.sort_values("rank")
        return Query(
            ids=tuple(frame["id"]),
            scores=tuple(float(score) for score in frame["score"]),
            reasons=tuple(frame["strategy"]),
            propensities=tuple(
                None if pd.isna(share) else float(share) for share in frame["propensity"]
            ),
            strategy=run.tags.get("al.strategy", ""),
            model=run.tags["al.model"],
        )
    except KeyError as error:
        raise StateError(f"query.parquet of run {run.id} lacks {error}: restore it") from error


def _version(uri: str) -> int | None:
    return None if uri == "none" else int(uri.rpartition("/")[2])
