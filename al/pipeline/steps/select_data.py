"""Step select-data: which samples to ask about, by the model in Production."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from al.contracts import HELD_OUT, SECOND, Query
from al.data_selector import (
    explained,
    passes_folder,
    pool_figures,
    query_figures,
    select,
    trim_passes,
)
from al.errors import StateError
from al.kept import cache_limit
from al.kinds import kind_of
from al.pipeline.cycle import Cycle
from al.pipeline.measuring import is_mean
from al.pipeline.pool_record import look_at_pool
from al.pipeline.query_record import DIGEST, digest_of, load_query, save_query
from al.pipeline.scoring import view_of
from al.pipeline.steps import ANNOTATE, SELECT_DATA
from al.randomness import generator
from al.registry import Standing
from al.strategies import build
from al.tracking import Run

_log = logging.getLogger(__name__)


def select_data(cycle: Cycle) -> bool:
    """Make the cycle's query, once; the cycle goes on."""
    session = cycle.session
    if done := cycle.done(SELECT_DATA):
        cycle.champion_version = _version(done.tags.get("al.model_now", done.tags["al.model"]))
        cycle.query = _chosen_before(cycle, done)
        _pin_again(cycle, done)
        return False
    if answered := cycle.done(ANNOTATE):
        raise StateError(
            f"the run select-data of cycle {cycle.number} was deleted, and its answers are in run "
            f"{answered.id}: restore it, or delete that run too to ask anew"
        )
    with cycle.step(SELECT_DATA) as run:
        _settle(cycle, run)
        pool = look_at_pool(cycle, run)
        query, figures, count = _choose(cycle)
        tags = save_query(run, query, session.data, {**figures, **pool.figures})
        run.conclude({**pool.tags, **tags})
        as_before = session.seen is not None and session.seen.tags.get("al.why") == tags["al.why"]
        session.seen = run
        text = _strategy(cycle)
        by = text if cycle.champion_version is None else f"{text} with {query.model}"
        if query.why and not as_before:
            _log.info(f"cycle {cycle.number:2d}: {query.why}")
        why = f" ({query.why})" if query.why else ""
        judging = [reason for reason in query.reasons if reason in HELD_OUT.values()]
        also = [f"{judging.count(w)} for {w}" for w in HELD_OUT.values() if w in judging]
        cycle.outcome = f"{len(query.ids) - len(judging)} of {count} samples chosen by {by}{why}"
        if also:
            cycle.outcome += f"; {' and '.join(also)}, drawn by chance, are asked about among them"
            _log.info(f"cycle {cycle.number:2d}: {cycle.outcome}")
        run.describe(cycle.outcome)
    cycle.query = query
    return False


def _strategy(cycle: Cycle) -> str:
    config = cycle.session.config
    return config.cold_start if cycle.champion_version is None else config.strategy


def _choose(cycle: Cycle) -> tuple[Query, dict[str, float], int]:
    """The query, its figures, and of how many samples it was chosen."""
    config, text = cycle.session.config, _strategy(cycle)
    audits = cycle.champion_version is not None and config.audits
    audit = config.audit if audits else 0.0
    doubted = _doubted(cycle)
    with closing(view_of(cycle)) as view:
        query = select(
            build(text),
            view,
            _size(cycle) - len(doubted),
            generator(config.seed, cycle.number, SELECT_DATA.name),
            name=text,
            model=_uri(cycle, cycle.champion_version),
            explore=config.explore,
            balance=config.balance == "on",
            budget=config.costs == "on",
            audit=audit,
            audit_by=config.audit_by,
        )
        query = replace(explained(query, view), cycle=cycle.number)
        figures = query_figures(query, view, generator(config.seed, cycle.number, "figures"))
        if audit and is_mean(cycle.session.task.metric, kind_of(cycle.session.data.spec)):
            figures |= pool_figures(view, generator(config.seed, cycle.number, "confidence"))
        figures["query/kept_mb"] = trim_passes(passes_folder(), cache_limit()) / 1e6
        query = _with_second_opinions(query, doubted)
        return _with_held_out(query, cycle), figures, len(view.ids)


def _with_held_out(query: Query, cycle: Cycle) -> Query:
    """The query and, among it, the validation and test samples that people were never asked about;
    who answers cannot tell them."""
    asked = cycle.session.to_judge
    if not asked:
        return query
    many = len(asked)
    query = replace(
        query,
        ids=(*query.ids, *asked),
        scores=(*query.scores, *(0.0,) * many),
        reasons=(*query.reasons, *(HELD_OUT[split] for split in asked.values())),
        propensities=(*query.propensities, *(None,) * many),
        predicted=(),
        confidence=(),
        likely=(),
    )
    order = generator(cycle.session.config.seed, cycle.number, "held out").permutation(
        len(query.ids)
    )
    names = ("ids", "scores", "reasons", "propensities")
    mixed: dict[str, Any] = {n: tuple(getattr(query, n)[row] for row in order) for n in names}
    return replace(query, **mixed)


def _chosen_before(cycle: Cycle, run: Run) -> Query:
    """The query that the step left when it was done; chosen again where it is damaged, which
    comes out the same.

    Raises:
        StateError: it comes out otherwise, and people were asked.
    """
    try:
        return load_query(run)
    except StateError as error:
        damage = str(error).rpartition(": ")[0]
    asked, version = cycle.steps.get((ANNOTATE.name, 0)), cycle.champion_version
    also = f" and run {asked.id}" if asked else ""
    anew = f"restore it, or delete run {run.id}{also} to ask anew"
    if version is not None and not cycle.session.registry.has(version):
        raise StateError(f"{damage}, and v{version}, which chose it, is deleted: {anew}")
    query, _, _ = _choose(cycle)
    if asked and run.tags.get(DIGEST) != digest_of(query):
        raise StateError(f"{damage}, and choosing again gives another query: {anew}")
    _log.warning(f"cycle {cycle.number}: {damage}; the query was chosen again")
    run.set_tags(save_query(run, query, cycle.session.data, {}))
    run.sync()
    return query


def _size(cycle: Cycle) -> int:
    """How many samples to ask about; never more than the label budget has left."""
    config = cycle.session.config
    size = config.initial_size if cycle.champion_version is None else config.query_size
    if not config.label_budget:
        return size
    state = cycle.session.state
    return max(1, min(size, config.label_budget - state.paid - len(state.waiting)))


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
        likely=(*query.likely, *(() for _ in doubted)) if query.likely else (),
    )


def _uri(cycle: Cycle, version: int | None) -> str:
    return "none" if version is None else cycle.session.registry.uri(version)


def _pin_again(cycle: Cycle, run: Run) -> None:
    """Go on with the version in Production now, where the one that was pinned was deleted."""
    pinned, before = cycle.champion_version, cycle.session.state.champion_record
    if pinned is None:
        return
    digest = before.weights if before and before.version == pinned else None
    if cycle.session.registry.has(pinned, digest):
        return
    _settle(cycle, run, "al.model_now")
    version = cycle.champion_version
    _log.warning(
        f"v{pinned}, which this cycle's query came from, was deleted: the cycle goes on "
        + ("without a model" if version is None else f"with v{version}, which is in Production")
    )


def _settle(cycle: Cycle, run: Run, tag: str = "al.model") -> Standing:
    """Find the version in Production, pin it for the cycle, and make it the only one there.

    Args:
        tag: of the run, that pins it.
    """
    session = cycle.session
    before = session.state.champion_record
    standing = session.registry.standing(before.version if before else None)
    cycle.champion_version = standing.version
    if standing.version is not None and not session.knows_all(standing.version):
        cycle.champion_version = None
        _log.warning(
            f"cycle {cycle.number:2d}: v{standing.version} does not know all classes, which now "
            f"are {', '.join(session.data.spec.classes)}: the query is made without it, by "
            f"cold_start={session.config.cold_start}, and a new model is trained from scratch"
        )
    uri = _uri(cycle, cycle.champion_version)
    pinned = {tag: uri, f"{tag}_by": standing.by}
    run.set_tags(pinned) if run.finished else run.conclude(pinned)
    if standing.version is None and standing.by_hand and tag == "al.model":
        _log.warning(
            f"no version of {session.registry.name} is in Production any more: "
            f"this cycle starts without a model, by cold_start={session.config.cold_start}"
        )
    elif standing.approved_by:
        by = "" if standing.approved_by == "hand" else f" by {standing.approved_by}"
        _log.info(f"v{standing.version} was approved{by}: this cycle uses it")
    elif standing.by_hand:
        archived = ", ".join(f"v{version}" for version in standing.others)
        also = f"; archived {archived}, which was there as well" if archived else ""
        how = "put into Production" if standing.staged else "named champion"
        _log.info(f"v{standing.version} was {how} by hand: this cycle uses it{also}")
    elif standing.undone:
        _log.info(
            f"cycle {cycle.number:2d}: starts from v{standing.version}, which undo went back to"
        )
    for version in standing.rejected:
        _log.info(f"v{version} was rejected: it is not offered again")
    if standing.waiting is not None:
        _log.info(session.registry.how_to_decide(standing.waiting))
    left = (None, standing.version, before.version if before else None)
    if standing.version is not None and standing.alias not in left:
        _log.warning(
            f"the alias champion was moved to v{standing.alias} and v{standing.version} into "
            "Production: the stage counts, the alias is moved there"
        )
    session.registry.settle(standing)
    if standing.by_hand:
        session.save_promotions()
    return standing


def _version(uri: str) -> int | None:
    if uri == "none":
        return None
    name = uri.rpartition("/")[2]
    if not name.isdecimal():
        raise StateError(f"tag al.model={uri!r} names no version: set it again as it was")
    return int(name)
