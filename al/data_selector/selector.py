"""Run a strategy over a view and make sure that what comes back is a query."""

from __future__ import annotations

import numpy as np

from al.contracts import Picks, PoolView, Query, Strategy
from al.data_selector.modifiers import balanced, exploring, within_budget
from al.errors import PoolEmpty, StrategyError
from al.progress import say


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
) -> Query:
    """The samples to ask about, best first.

    Where the pool holds fewer than `query_size` samples, all of them.

    Args:
        name: the strategy's name, kept with every sample.
        model: `models:/NAME/VERSION` that the scores come from, or "none".
        explore: share of the query that is drawn uniformly.
        balance: make the classes that the model predicts even.
        budget: count the query in costs.

    Raises:
        PoolEmpty: there is nothing to choose from.
        StrategyError: the strategy chose too many or too few, something twice, or something
            outside the pool.
    """
    if not view.ids:
        raise PoolEmpty("the pool is empty: every sample is labelled or skipped; add data")
    wanted = min(query_size, len(view.ids))
    if balance:
        strategy = balanced(strategy)
    if budget:
        strategy = within_budget(strategy)
    if explore:
        strategy = exploring(strategy, explore)
    picks = strategy(view, wanted, rng)
    _check(picks, wanted, len(view.ids), name)
    if picks.short and not budget and len(picks.positions) < wanted:
        say(f"asking about {len(picks.positions)} samples instead of {wanted}: {picks.short}")
    chances = picks.propensities
    known = [None] * len(picks.positions) if chances is None else chances
    return Query(
        ids=tuple(view.ids[i] for i in picks.positions),
        scores=tuple(float(score) for score in picks.scores),
        reasons=picks.reasons or (name,) * len(picks.positions),
        propensities=tuple(None if p is None else float(p) for p in known),
        strategy=name,
        model=model,
        why=picks.why,
        memory=picks.memory,
    )


def _check(picks: Picks, wanted: int, available: int, name: str) -> None:
    positions = np.asarray(picks.positions)
    lengths = {len(positions), len(picks.scores), len(picks.reasons or positions)}
    if picks.propensities is not None:
        lengths.add(len(picks.propensities))
    fewer = picks.short and len(lengths) == 1 and len(positions)
    if lengths != {wanted} and not fewer:
        raise StrategyError(
            f"strategy {name!r} returned {sorted(lengths)} picks for a query of {wanted}: "
            "return as many positions, scores and reasons as asked for"
        )
    if len(np.unique(positions)) != len(positions):
        raise StrategyError(f"strategy {name!r} picked a sample twice: return distinct positions")
    if positions.min() < 0 or positions.max() >= available:
        raise StrategyError(
            f"strategy {name!r} picked outside the pool of {available}: return rows of view.ids"
        )
    if not np.isfinite(np.asarray(picks.scores, dtype=np.float64)).all():
        raise StrategyError(f"strategy {name!r} gave a score that is not finite: check the model")
