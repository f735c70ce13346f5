"""Run a strategy over a view and make sure that what comes back is a query."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from al.contracts import Picks, PoolView, Query, Strategy
from al.data_selector.modifiers import audited, balanced, exploring, named, within_budget
from al.errors import PoolEmpty, StrategyError

_log = logging.getLogger(__name__)


def select(
    strategy: Strategy,
    view: PoolView,
    query_size: int,
    rng: np.random.Generator,
    *,
    name: str,
    model: str,
    explore: float = 0.0,
    balance: bool = False,
    budget: bool = False,
    audit: float = 0.0,
    audit_by: str = "uniform",
) -> Query:
    """The samples to ask about, best first.

    Where the pool holds fewer than `query_size` samples, all of them.

    Args:
        name: the strategy's name, kept with every sample.
        model: `models:/NAME/VERSION` that the scores come from, or "none".
        explore: share of the query that is drawn uniformly.
        balance: make the classes that the model predicts even.
        budget: count the query in costs.
        audit: share of the query that is drawn before the strategy chooses.
        audit_by: how: "uniform", or by the champion's "doubt".

    Raises:
        PoolEmpty: there is nothing to choose from.
        StrategyError: the strategy chose too many or too few, something twice, or something
            outside the pool.
    """
    if not view.ids:
        raise PoolEmpty("the pool is empty: every sample is labelled or skipped; add data")
    wanted = min(query_size, len(view.ids))
    strategy = named(strategy, name)
    if balance:
        strategy = balanced(strategy)
    if budget:
        strategy = within_budget(strategy, in_order=balance)
    if explore:
        strategy = exploring(strategy, explore)
    if audit:
        strategy = audited(strategy, audit, audit_by)
    picks = strategy(view, wanted, rng)
    _check(picks, wanted, len(view.ids), name, budget=budget)
    if picks.short and not budget and len(picks.positions) < wanted:
        _log.warning(
            f"asking about {len(picks.positions)} samples instead of {wanted}: {picks.short}"
        )
    chances = picks.propensities
    known = [None] * len(picks.positions) if chances is None else chances
    return Query(
        ids=tuple(view.ids[i] for i in picks.positions),
        scores=tuple(float(score) for score in picks.scores),
        reasons=picks.reasons,
        propensities=tuple(None if p is None or np.isnan(p) else float(p) for p in known),
        strategy=name,
        model=model,
        why=picks.why,
        memory=_plain(picks.memory, name),
        covers=picks.covers,
    )


def _plain(memory: Mapping[str, Any] | None, name: str) -> dict[str, Any] | None:
    """What a strategy remembers as a later process will read it.

    Raises:
        StrategyError: it is no JSON.
    """
    if memory is None:
        return None
    try:
        return dict(json.loads(json.dumps(dict(memory))))
    except (TypeError, ValueError) as error:
        raise StrategyError(
            f"strategy {name!r} remembers what is no JSON ({error}): keep numbers, texts, lists "
            "and dicts of these"
        ) from error


def _check(picks: Picks, wanted: int, available: int, name: str, *, budget: bool) -> None:
    positions = np.asarray(picks.positions)
    if positions.dtype.kind not in "iu":
        raise StrategyError(f"strategy {name!r} returned positions that are not whole numbers")
    lengths = {len(positions), len(picks.scores), len(picks.reasons)}
    if picks.propensities is not None:
        lengths.add(len(picks.propensities))
    another = budget or (picks.short and len(positions) < wanted)  # size, and that is right
    if lengths != {wanted} and not (another and len(lengths) == 1 and len(positions)):
        raise StrategyError(
            f"strategy {name!r} returned {sorted(lengths)} picks for a query of {wanted}: "
            "return as many positions, scores and reasons as it asks for"
        )
    if len(np.unique(positions)) != len(positions):
        raise StrategyError(f"strategy {name!r} picked a sample twice: return distinct positions")
    if positions.min() < 0 or positions.max() >= available:
        raise StrategyError(
            f"strategy {name!r} picked outside the pool of {available}: return rows of view.ids"
        )
    if not np.isfinite(np.asarray(picks.scores, dtype=np.float64)).all():
        raise StrategyError(f"strategy {name!r} gave a score that is not finite: check the model")
