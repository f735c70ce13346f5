"""A bandit over strategies: active learning by learning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from al.catalog import strategies
from al.contracts import Picks, PoolView
from al.errors import ConfigError


@strategies.register("bandit")
def bandit(
    view: PoolView,
    query_size: int,
    rng: np.random.Generator,
    *arms: Any,
    least: float = 0.1,
) -> Picks:
    """Asks by one of several strategies, more often by those after which the model was better.

    Written `bandit(margin, k_center, random)`. A cycle draws arm k with probability
    p_k = (1 − K·least) w_k/Σw + least and asks what that arm asks. In the next cycle the
    reward is the new champion's importance-weighted accuracy on all that was asked,
    r = Σ_x 1[ŷ = y]/π(x) / Σ_x 1/π(x) with π(x) = Σ_k p_k 1[x ∈ query_k], and by EXP4.P
    ln w_k += least/2 · (1[k was drawn] r/p_k + 1/p_k √(ln(K/δ)/(K t))) with δ = 0.1. It learns
    over tens of cycles, not over a few.

    Hsu and Lin (2015), Active learning by learning, which asks one sample a round; here a
    round is a query. What it has learned is part of the campaign's state. Costs what all arms
    cost. Knows its propensities where the arms are certain.
    """
    names = [arm.text for arm in arms]
    weights, asked, rounds, reward = _learned(view, names, least)
    shares = np.exp(weights - weights.max())
    p = (1 - len(arms) * least) * shares / shares.sum() + least  # [K]

    advised = [arm(view, query_size, rng) for arm in arms]
    advice = np.zeros((len(arms), len(view.ids)), bool)
    for k, found in enumerate(advised):
        advice[k, found.positions] = True
    drawn = int(rng.choice(len(arms), p=p / p.sum()))
    picks = advised[drawn]
    chances = p @ advice[:, picks.positions]  # π of each pick
    sure = all(a.propensities is not None and (a.propensities == 1).all() for a in advised)
    ids = [view.ids[row] for row in picks.positions]
    odds = ", ".join(f"{name} {share:.2f}" for name, share in zip(names, p, strict=True))
    earned = "" if reward is None else f"; reward of the last {reward:.3f}"
    return replace(
        picks,
        reasons=picks.reasons or (names[drawn],) * len(ids),
        propensities=chances if sure else None,
        why=f"bandit drew {names[drawn]} from {odds}{earned}",
        memory={
            "weights": dict(zip(names, weights.tolist(), strict=True)),
            "shares": dict(zip(names, p.tolist(), strict=True)),
            "drawn": names[drawn],
            "asked": {**asked, **dict(zip(ids, chances.tolist(), strict=True))},
            "rounds": rounds + 1,
        },
    )


def _check(*arms: Any, least: float = 0.1) -> None:
    """Checks its arguments before anything runs."""
    if len(arms) < 2:
        raise ConfigError("bandit needs two strategies or more: bandit(margin, k_center)")
    if len({arm.text for arm in arms}) < len(arms):
        raise ConfigError("bandit was given the same strategy twice: leave one out")
    if not 0 < least <= 1 / len(arms):
        raise ConfigError(f"bandit: least={least:g}: give more than 0 and at most 1/{len(arms)}")


bandit.check = _check  # type: ignore[attr-defined]
bandit.remembers = True  # type: ignore[attr-defined]
bandit.reads_of = lambda *arms, least=0.1: (  # type: ignore[attr-defined]
    "probabilities",  # of the labelled set, for the reward
    *(name for arm in arms for name in arm.reads),
)


def _learned(
    view: PoolView, names: list[str], least: float
) -> tuple[np.ndarray, dict[str, float], int, float | None]:
    """The arms' log weights after what the last query brought, and what is known so far."""
    memory = view.memory
    if not memory or set(memory.get("weights", ())) != set(names):
        return np.zeros(len(names)), {}, 0, None
    weights = np.array([memory["weights"][name] for name in names])
    asked: dict[str, float] = dict(memory["asked"])
    rounds = int(memory["rounds"])
    rows = [row for row, id in enumerate(view.labelled.ids) if id in asked]
    if not rows or not view.has_model:
        return weights, asked, rounds, None
    best = view.labelled.probabilities[rows].argmax(axis=1)  # what the new champion says
    right = np.array(
        [view.classes[b] == view.labelled.labels[r] for b, r in zip(best, rows, strict=True)]
    )
    heavy = np.array([1.0 / asked[view.labelled.ids[row]] for row in rows])
    reward = float((heavy * right).sum() / heavy.sum())
    p = np.array([memory["shares"][name] for name in names])
    drawn = np.array([name == memory["drawn"] for name in names])
    bonus = np.sqrt(np.log(len(names) / 0.1) / (len(names) * rounds))
    return weights + least / 2 * (drawn * reward / p + bonus / p), asked, rounds, reward
