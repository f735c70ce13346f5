"""What can be asked of any strategy: some uniform draws, even classes, a budget in costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al.contracts import AUDIT, DOUBTED, DataSpec, Picks, PoolView, Strategy
from al.errors import StrategyError
from al.kinds import Trait, kind_of
from al.strategies import top
from al.strategies.gumbel import draw

#: How many times the query a strategy is asked for, for a choice among its picks.
_LONGER = 5


def named(strategy: Strategy, name: str) -> Strategy:
    """The strategy, with its name as the reason for a pick where it gives none."""

    def giving_reasons(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
        picks = strategy(view, query_size, rng)
        return replace(picks, reasons=picks.reasons or (name,) * len(picks.positions))

    return giving_reasons


def exploring(strategy: Strategy, share: float) -> Strategy:
    """The strategy, with a share of the query drawn uniformly from what it leaves.

    Propensities are those given what the strategy picked: 1 for its m picks, k / (N − m) for
    the k drawn from the rest. So for any strategy Σ value / propensity over the query is an
    unbiased estimate of the sum over the pool.
    """

    def strategy_and_draw(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
        drawn = min(query_size, max(1, round(share * query_size)))
        picks = strategy(view, query_size - drawn, rng) if drawn < query_size else _none()
        free = np.ones(len(view.ids), bool)
        free[picks.positions] = False
        left = np.flatnonzero(free)
        by_draw = np.sort(rng.choice(left, size=min(drawn, len(left)), replace=False))
        chance = len(by_draw) / max(len(left), 1)
        # The draw has no score of its own: it stands after what the strategy wanted.
        lowest = float(picks.scores.min()) if len(picks.scores) else 0.0
        return replace(
            picks,
            positions=np.concatenate([picks.positions, by_draw]),
            scores=np.concatenate([picks.scores, np.full(len(by_draw), lowest)]),
            reasons=(*picks.reasons, *("explore",) * len(by_draw)),
            propensities=np.concatenate(
                [np.ones(len(picks.positions)), np.full(len(by_draw), chance)]
            ),
            covers=True,
        )

    return strategy_and_draw


def audited(strategy: Strategy, share: float, by: str = "uniform") -> Strategy:
    """The strategy, with a share of the query drawn before it chooses.

    These samples, the audit slice, tell how good the champion is on the whole pool. The strategy
    chooses among the others, and its propensities are those given the audit slice.

    Args:
        by: "uniform": each has the propensity k / N. "doubt": half of the weight is uniform and
            half is √(p (1 − p)) for the champion's confidence p, the deviation that it expects
            of being right (Zrnic and Candès 2024, Active statistical inference, ICML).
    """

    def draw_and_strategy(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
        whole = len(view.ids)
        drawn = min(query_size, max(1, round(share * query_size)))
        if by == "doubt":
            found = draw(np.log(_doubts(view)), drawn, rng)
            order = np.argsort(found.positions)
            audit, reason = found.positions[order], DOUBTED
            propensities = np.asarray(found.propensities)[order]
        else:
            audit, reason = np.sort(rng.choice(whole, size=drawn, replace=False)), AUDIT
            propensities = np.full(drawn, drawn / whole)
        rest = np.delete(np.arange(whole), audit)
        picks = _none()
        if drawn < query_size:
            picks = strategy(view.narrow(rest), query_size - drawn, rng)
        lowest = float(picks.scores.min()) if len(picks.scores) else 0.0
        chances = picks.propensities
        if chances is None:
            chances = np.full(len(picks.positions), np.nan)
        return replace(
            picks,
            positions=np.concatenate([rest[picks.positions], audit]),
            scores=np.concatenate([picks.scores, np.full(drawn, lowest)]),
            reasons=(*picks.reasons, *(reason,) * drawn),
            propensities=np.concatenate([chances, propensities]),
        )

    return draw_and_strategy


def balanced(strategy: Strategy) -> Strategy:
    """The strategy, with the classes that the model predicts as even as its picks allow.

    It is asked for a longer query; classes then take turns, the one with the fewest labels
    and picks so far first, each with its next best sample.
    """

    def in_turns(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
        if not view.has_model:
            return strategy(view, query_size, rng)
        picks = strategy(view, min(_LONGER * query_size, len(view.ids)), rng)
        kind = kind_of(DataSpec(view.classes, (), "", view.kind))
        if Trait.CLASSES not in kind.traits:
            raise StrategyError("balance=on evens out classes and this task has none: leave it off")
        count = dict.fromkeys(range(len(view.classes)), 0)
        for label in view.labelled.labels:
            count[kind.position(label)] += 1
        predicted = view.probabilities[picks.positions].argmax(axis=1)
        queues = {c: np.flatnonzero(predicted == c).tolist() for c in np.unique(predicted).tolist()}
        chosen: list[int] = []
        while len(chosen) < min(query_size, len(predicted)):
            least = min((c for c in queues if queues[c]), key=lambda c: (count[c], queues[c][0]))
            chosen.append(queues[least].pop(0))
            count[least] += 1
        return _kept(picks, np.array(chosen))

    return in_turns


def within_budget(strategy: Strategy, *, in_order: bool = False) -> Strategy:
    """The strategy, with the query's size as a budget: that many samples of mean cost.

    It is asked for a longer query, whose samples are taken by score over cost as long as they
    fit; in the strategy's own order where a score is negative, or where that order has a
    meaning of its own.
    """

    def affordable(view: PoolView, query_size: int, rng: np.random.Generator) -> Picks:
        picks = strategy(view, min(_LONGER * query_size, len(view.ids)), rng)
        costs = view.costs[picks.positions]
        budget = float(view.costs.mean()) * query_size
        by_worth = not in_order and bool((picks.scores >= 0).all())
        worth = picks.scores / costs if by_worth else -np.arange(len(costs))
        chosen, spent = [], 0.0
        for place in top(np.asarray(worth, dtype=np.float64), len(worth)):
            if spent + costs[place] <= budget * (1 + 1e-9):
                chosen.append(int(place))
                spent += float(costs[place])
        if not chosen:  # a query is never empty
            chosen, spent = [int(np.argmin(costs))], float(costs.min())
        why = f"{len(chosen)} samples for {spent:g} of a budget of {budget:g}"
        picks = _kept(picks, np.array(chosen))
        return replace(picks, why="; ".join(filter(None, [picks.why, why])), short=why)

    return affordable


def _doubts(view: PoolView) -> np.ndarray:
    """What each sample of the pool weighs where the audit slice is drawn by doubt, [N]."""
    sure = view.probabilities.max(axis=1).astype(np.float64)
    doubt = np.sqrt(np.clip(sure * (1 - sure), 0, None))
    mean = float(doubt.mean())
    return 0.5 + 0.5 * doubt / mean if mean > 0 else np.ones(len(sure))


def _none() -> Picks:
    return Picks(np.empty(0, np.int64), np.empty(0), propensities=np.empty(0))


def _kept(picks: Picks, places: np.ndarray) -> Picks:
    """Some of the picks, in another order; a choice among drawn ones has no propensity."""
    chances = picks.propensities
    sure = chances is not None and bool((chances == 1).all())
    return replace(
        picks,
        positions=picks.positions[places],
        scores=picks.scores[places],
        reasons=tuple(picks.reasons[p] for p in places),
        propensities=np.ones(len(places)) if sure else None,
        covers=False,
    )
