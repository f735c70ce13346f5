"""Run a strategy over a view and make sure that what comes back is a query."""

from __future__ import annotations

import numpy as np

from al.contracts import Picks, PoolView, Query, Strategy
from al.errors import PoolEmpty, StrategyError


def select(
    strategy: Strategy,
    view: PoolView,
    query_size: int,
    rng: np.random.Generator,
    *,
    name: str,
    model: str,
) -> Query:
    """The samples to ask about, best first.

    Where the pool holds fewer than `query_size` samples, all of them.

    Args:
        name: the strategy's name, kept with every sample.
        model: `models:/NAME/VERSION` that the scores come from, or "none".

    Raises:
        PoolEmpty: there is nothing to choose from.
        StrategyError: the strategy chose too many or too few, something twice, or something
            outside the pool.
    """
    if not view.ids:
        raise PoolEmpty("the pool is empty: every sample is labelled or skipped; add data")
    wanted = min(query_size, len(view.ids))
    picks = strategy(view, wanted, rng)
    _check(picks, wanted, len(view.ids), name)
    chosen = picks.propensities
    return Query(
        ids=tuple(view.ids[i] for i in picks.positions),
        scores=tuple(float(score) for score in picks.scores),
        reasons=picks.reasons or (name,) * wanted,
        propensities=(None,) * wanted if chosen is None else tuple(float(p) for p in chosen),
        strategy=name,
        model=model,
    )


def _check(picks: Picks, wanted: int, available: int, name: str) -> None:
    positions = np.asarray(picks.positions)
    lengths = {len(positions), len(picks.scores), len(picks.reasons or positions)}
    if picks.propensities is not None:
        lengths.add(len(picks.propensities))
    if lengths != {wanted}:
        raise StrategyError(
            f"strategy {name!r} returned {sorted(lengths)} picks for a query of {wanted}: "
            "return as many positions, scores and reasons as asked for"
        )
    if len(np.unique(positions)) != wanted:
        raise StrategyError(f"strategy {name!r} picked a sample twice: return distinct positions")
    if positions.min() < 0 or positions.max() >= available:
        raise StrategyError(
            f"strategy {name!r} picked outside the pool of {available}: return rows of view.ids"
        )
    if not np.isfinite(np.asarray(picks.scores, dtype=np.float64)).all():
        raise StrategyError(f"strategy {name!r} gave a score that is not finite: check the model")
