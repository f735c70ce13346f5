"""Step select-data: which samples to ask about, by the model in Production."""

from __future__ import annotations

import inspect
import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pandas as pd

from al.contracts import SECOND, Graph, Label, Query
from al.data_selector import (
    Model,
    View,
    contact_sheet,
    explained,
    passes_folder,
    query_figures,
    select,
    trim,
)
from al.errors import StateError
from al.kept import cache_limit
from al.pipeline.cycle import Cycle
from al.pipeline.session import Session
from al.progress import say
from al.randomness import generator, torch_seed
from al.registry import Standing, digest_of
from al.state import check_columns, check_shape, ids_digest
from al.strategies import build
from al.tracking import Checkpoints, Run

STEP = "select-data"
MEMORY = "memory.json"
IDS = "train_ids.parquet"
#: Of query.parquet.
COLUMNS = (
    "rank", "id", "score", "strategy", "model", "propensity", "predicted", "confidence",
)  # fmt: skip


def select_data(cycle: Cycle) -> bool:
    """Make the cycle's query, once; the cycle goes on."""
    session, config = cycle.session, cycle.session.config
    if done := cycle.done(STEP):
        cycle.champion = _version(done.tags["al.model"])
        cycle.query = load_query(done)
        return False
    with cycle.step(STEP) as run:
        standing = _settle(cycle, run)
        pool = _look_at_pool(cycle, run)
        has_model = cycle.champion is not None
        text = config.strategy if has_model else config.cold_start
        doubted = _doubted(cycle)
        with closing(_view(cycle)) as view:
            query = select(
                build(text),
                view,
                _size(cycle) - len(doubted),
                generator(config.seed, cycle.number, STEP),
                name=text,
                model=_uri(cycle, standing.version),
                explore=config.explore,
                balance=config.balance == "on",
                budget=config.costs == "on",
                audit=config.audit if has_model and config.audits else 0.0,
            )
            query = replace(explained(query, view), cycle=cycle.number)
            figures = query_figures(query, view, generator(config.seed, cycle.number, "figures"))
            query = _with_second_opinions(query, doubted)
            figures["query/kept_mb"] = trim(passes_folder(), cache_limit()) / 1e6
            _save(run, query, figures, cycle, pool)
        session.seen = run
        by = text if not has_model else f"{text} with {query.model}"
        if query.why:
            say(f"cycle {cycle.number:2d}: {query.why}")
        why = f" ({query.why})" if query.why else ""
        cycle.told = f"{len(query.ids)} of {len(session.pool)} samples chosen by {by}{why}"
        run.describe(cycle.told)
    cycle.query = query
    return False


def _size(cycle: Cycle) -> int:
    """How many samples to ask about; never more than the label budget has left."""
    config = cycle.session.config
    size = config.initial_size if cycle.champion is None else config.query_size
    if not config.label_budget:
        return size
    labels = cycle.session.state.labels
    return max(1, min(size, config.label_budget - labels.paid - len(labels.waiting)))


def _doubted(cycle: Cycle) -> list[Mapping[str, Any]]:
    """Labels that are asked about once more, at the cost of as many new samples."""
    session = cycle.session
    size = _size(cycle)
    most = min(round(session.config.second_opinions * size), size - 1)
    gone = frozenset(session.data.missing([row["id"] for row in session.state.suspicious]))
    return [row for row in session.state.suspicious if row["id"] not in gone][:most]


def _with_second_opinions(query: Query, doubted: Sequence[Mapping[str, Any]]) -> Query:
    """The query, and after it the labels that look wrong."""
    if not doubted:
        return query
    known = bool(query.predicted)
    return replace(
        query,
        ids=(*query.ids, *(row["id"] for row in doubted)),
        scores=(*query.scores, *(row["score"] for row in doubted)),
        reasons=(*query.reasons, *(SECOND for _ in doubted)),
        propensities=(*query.propensities, *(None for _ in doubted)),
        predicted=(*query.predicted, *(row["believed"] for row in doubted)) if known else (),
        confidence=(*query.confidence, *(row["confidence"] for row in doubted)) if known else (),
    )


def train_ids_on_record(session: Session) -> set[str]:
    """The training ids of the last cycle that began; none before the first."""
    latest = _latest(session)
    if latest is None or not (kept := latest.tags.get("al.train_ids")):
        return set()
    return set(session.store.get(kept).load_table(IDS)["id"])


def _latest(session: Session) -> Run | None:
    """The run that last put the training ids on record."""
    if session.seen is None:
        found = session.store.find({"al.step": STEP, "al.campaign_run": session.run.id})
        session.seen = next((r for r in reversed(found) if r.finished), None)
    return session.seen


class PoolOnRecord(NamedTuple):
    """What is put on record of the pool, together with the query."""

    tags: Mapping[str, str]
    figures: Mapping[str, float]


def _look_at_pool(cycle: Cycle, run: Run) -> PoolOnRecord:
    """Which training samples there are, and what has come and gone.

    The ids are kept only where they changed, so that a pool that does not costs nothing.
    """
    session = cycle.session
    ids = session.data.ids("train")
    tags = {"al.train_digest": ids_digest(ids), "al.pool_digest": ids_digest(session.pool)}
    appeared = vanished = 0
    before = _latest(session)
    if before is not None and before.tags.get("al.train_digest") == tags["al.train_digest"]:
        tags["al.train_ids"] = before.tags["al.train_ids"]
    else:
        if known := train_ids_on_record(session):
            appeared, vanished = len(set(ids) - known), len(known - set(ids))
            say(
                f"cycle {cycle.number:2d}: the data has changed: {appeared} training samples "
                f"appeared, {vanished} vanished"
            )
        run.save_table(IDS, pd.DataFrame({"id": ids}))
        tags["al.train_ids"] = run.id
    size = len(session.pool)
    return PoolOnRecord(
        tags, {"pool/size": size, "pool/appeared": appeared, "pool/vanished": vanished}
    )


def _view(cycle: Cycle) -> View:
    """The pool as the cycle's strategy sees it."""
    session, config = cycle.session, cycle.session.config
    champion = None
    if cycle.champion is not None:
        champion = _model(cycle, cycle.graph(cycle.champion), cycle.weights_digest(cycle.champion))
    labels = session.present(session.state.labels)
    return View(
        session.pool,
        labels.ids,
        labels.labels,
        data=session.data,
        champion=champion,
        committee=lambda: _committee(cycle),
        engine=session.engine,
        cycle=cycle.number,
        memory=session.state.memory,
        folder=passes_folder(),
        passes=config.passes,
        half=config.embeddings == "float16",
    )


def _model(cycle: Cycle, graph: Graph, digest: str) -> Model:
    """A graph with what tells its outputs from others'.

    The stochastic passes are drawn by the weights, so that as long as a champion stands its
    samples stay the same and are kept.
    """
    session = cycle.session
    code = ""
    with suppress(OSError, TypeError):  # a task without a source file: its name has to do
        code = inspect.getsource(inspect.getmodule(type(session.task)) or type(session.task))
    task = zlib.crc32(f"{session.config.task} {code}".encode())
    key = f"{digest}-{task:08x}-{session.device.type}"
    if session.config.calibrate == "on":
        ids = session.data.ids("val")
        labelled = session.data.batches(ids, session.data.truth(ids), batch_size=512)
        key += f"-{graph.calibrate(labelled, apply=True).temperature}"
    return Model(graph, key, torch_seed(session.config.seed, 0, f"passes {digest}") % 2**31)


def _committee(cycle: Cycle) -> list[Model]:
    """The best checkpoint of each candidate of the latest cycle that trained."""
    session = cycle.session
    runs = session.store.find({"al.step": "train", "al.campaign_run": session.run.id})
    done = [run for run in runs if run.finished]
    latest = max((run.tags.whole("al.cycle") for run in done), default=0)
    of_latest = [run for run in done if run.tags.whole("al.cycle") == latest]
    models = []
    candidates = Checkpoints.candidates(session.store, of_latest)
    for number in sorted({candidate.number for candidate in candidates}):
        own = [candidate for candidate in candidates if candidate.number == number]
        best = max(own, key=lambda c: session.criterion.rank(c.metrics))
        with TemporaryDirectory() as scratch:
            weights = Checkpoints.fetch(session.store, best.checkpoint, Path(scratch) / "weights")
            graph = session.new_graph()
            graph.load_weights(weights)
            models.append(_model(cycle, graph, digest_of(weights)))
    return models


def _uri(cycle: Cycle, version: int | None) -> str:
    return "none" if version is None else cycle.session.registry.uri(version)


def _settle(cycle: Cycle, run: Run) -> Standing:
    """Find the version in Production, pin it for the cycle, and leave it alone there."""
    session = cycle.session
    before = session.state.champion
    standing = session.registry.standing(before.version if before else None)
    cycle.champion = standing.version
    uri = _uri(cycle, standing.version)
    run.set_tags({"al.model": uri, "al.model_by": standing.by})
    if standing.version is None and standing.by_hand:
        say(
            f"no version of {session.registry.name} is in Production any more: "
            f"this cycle starts without a model, by cold_start={session.config.cold_start}"
        )
    elif standing.by_hand:
        archived = ", ".join(f"v{version}" for version in standing.others)
        also = f"; archived {archived}, which was there beside it" if archived else ""
        say(f"v{standing.version} was put into Production by hand: this cycle uses it{also}")
    elif standing.undone:
        say(f"cycle {cycle.number:2d}: starts from v{standing.version}, which undo went back to")
    elif standing.alias not in (None, standing.version):
        say(
            f"the alias champion names v{standing.alias}, but v{standing.version} is in "
            "Production: the stage counts, the alias is moved back"
        )
    session.registry.settle(standing)
    if standing.by_hand:
        session.save_promotions()
    return standing


def _save(
    run: Run, query: Query, figures: Mapping[str, float], cycle: Cycle, pool: PoolOnRecord
) -> None:
    frame = pd.DataFrame(
        {
            "rank": range(len(query.ids)),
            "id": query.ids,
            "score": query.scores,
            "strategy": query.reasons,
            "model": query.model,
            "propensity": pd.array(query.propensities, dtype="Float64"),
            "predicted": pd.array(
                [*map(_written, query.predicted)] if query.predicted else [None] * len(query.ids),
                dtype="string",
            ),
            "confidence": pd.array(query.confidence or [None] * len(query.ids), dtype="Float64"),
        }
    )
    run.save_table("query.parquet", frame)
    sheet = contact_sheet(query, cycle.session.data)
    if sheet is not None:
        run.save(lambda folder: sheet.save(folder / "query.png"))
    if query.memory is not None:
        run.save_json(MEMORY, dict(query.memory))
    tags = {**pool.tags, "al.strategy": query.strategy, "al.why": query.why[:5000]}
    run.set_tags({**tags, "al.covers": query.covers, "al.kind": cycle.session.data.spec.kind})
    run.log_metrics({**figures, **pool.figures})


def load_query(run: Run) -> Query:
    """The query that a finished step left.

    Raises:
        StateError: it is missing or damaged.
    """
    frame = run.load_table("query.parquet")
    check_columns(frame, dict.fromkeys(COLUMNS, ""), "query.parquet")
    try:
        frame = frame.sort_values("rank")
        query = Query(
            ids=tuple(frame["id"].astype(str)),
            scores=tuple(float(score) for score in frame["score"]),
            reasons=tuple(frame["strategy"].astype(str)),
            propensities=tuple(
                None if pd.isna(share) else float(share) for share in frame["propensity"]
            ),
            strategy=run.tags.get("al.strategy", ""),
            model=run.tags["al.model"],
            predicted=tuple(_read(label, run) for label in _column(frame, "predicted")),
            confidence=tuple(_column(frame, "confidence")),
            why=run.tags.get("al.why", ""),
            memory=run.load_json(MEMORY) if run.has(MEMORY) else None,
            covers=run.tags.get("al.covers") == "True",
            cycle=int(run.tags["al.cycle"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(
            f"query.parquet of run {run.id} is damaged ({error}): restore it"
        ) from error
    if len(set(query.ids)) != len(query.ids):
        raise StateError(f"query.parquet of run {run.id} holds an id twice: restore it")
    if query.memory is not None:
        check_shape(query.memory, dict, MEMORY)
    return query


def _written(label: Label) -> str:
    """A label in a table: the name of a class as it is, any other as JSON."""
    return label if isinstance(label, str) else json.dumps(label, sort_keys=True)


def _read(text: str, run: Run) -> Label:
    """What `_written` wrote."""
    return text if run.tags.get("al.kind", "class") == "class" else json.loads(text)


def _column(frame: pd.DataFrame, name: str) -> list:  # type: ignore[type-arg]
    """A column that is empty where there was no champion."""
    return [] if name not in frame or frame[name].isna().any() else list(frame[name])


def _version(uri: str) -> int | None:
    if uri == "none":
        return None
    name = uri.rpartition("/")[2]
    if not name.isdecimal():
        raise StateError(f"tag al.model={uri!r} names no version: set it again as it was")
    return int(name)
