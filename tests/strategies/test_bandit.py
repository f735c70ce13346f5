"""The bandit over strategies."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from al.contracts import Picks
from al.strategies import ArrayView, build

#: Samples 0 to 99 teach the model something, the others nothing.
GOOD = 100


def good(view: Any, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for what teaches."""
    return _of(view, query_size, [id for id in view.ids if int(id) < GOOD])


def useless(view: Any, query_size: int, rng: np.random.Generator) -> Picks:
    """Asks for what does not."""
    return _of(view, query_size, [id for id in view.ids if int(id) >= GOOD])


def _of(view: Any, query_size: int, ids: list[str]) -> Picks:
    row = {id: n for n, id in enumerate(view.ids)}
    rows = np.array([row[id] for id in ids[:query_size]])
    return Picks(rows, np.ones(len(rows)))


def campaign(text: str, cycles: int, seed: int) -> list[Picks]:
    """Cycles in which the champion is right about the good samples alone."""
    rng = np.random.default_rng(seed)
    pool = [f"{n:04d}" for n in range(400)]
    asked: list[str] = []
    memory: dict[str, Any] = {}
    queries = []
    for cycle in range(cycles):
        right = np.array([int(id) < GOOD for id in asked], dtype=bool)
        p = np.where(right[:, None], [[0.9, 0.1]], [[0.1, 0.9]]).astype(np.float32)
        labelled = ArrayView(
            asked, probabilities=p.reshape(len(asked), 2), labels=["a"] * len(asked)
        )
        left = [id for id in pool if id not in set(asked)]
        over = ArrayView(
            left,
            probabilities=np.full((len(left), 2), 0.5, np.float32),
            labelled=labelled,
            classes=["a", "b"],
            memory=memory,
            cycle=cycle,
        )
        picks = build(text)(over, 5, rng)
        queries.append(picks)
        memory = json.loads(json.dumps(picks.memory))  # as the state keeps it
        asked += [left[row] for row in picks.positions]
    return queries


HERE = "tests.strategies.test_bandit"


def test_the_weight_of_the_arm_that_was_drawn_rises_by_its_reward() -> None:
    first, second = campaign(f"bandit({HERE}:good, {HERE}:useless, least=0.2)", 2, 0)
    before, after = first.memory, second.memory
    assert before is not None
    assert after is not None
    drawn = before["drawn"]
    reward = 1.0 if drawn.endswith("good") else 0.0  # all that was asked was of one kind
    bonus = np.sqrt(np.log(2 / 0.1) / 2)
    for name in before["weights"]:
        gained = 0.1 * ((name == drawn) * reward / 0.5 + bonus / 0.5)
        assert after["weights"][name] == pytest.approx(gained)


def test_it_learns_which_arm_makes_the_model_better() -> None:
    text = f"bandit({HERE}:good, {HERE}:useless, least=0.25)"
    shares = [campaign(text, 15, seed)[-1].memory["shares"] for seed in range(30)]  # type: ignore[index]
    assert np.mean([share[f"{HERE}:good"] for share in shares]) > 0.52


def test_every_arm_keeps_its_least_share() -> None:
    text = f"bandit({HERE}:good, {HERE}:useless, least=0.2)"
    for picks in campaign(text, 12, 0):
        shares = picks.memory["shares"]  # type: ignore[index]
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) >= 0.2 - 1e-9


def test_each_pick_names_its_arm_and_the_query_tells_how_it_was_drawn() -> None:
    first, second = campaign(f"bandit({HERE}:good, {HERE}:useless)", 2, 0)
    assert set(first.reasons) in ({f"{HERE}:good"}, {f"{HERE}:useless"})
    assert "bandit drew" in first.why
    assert "reward" not in first.why
    assert "reward" in second.why


def test_a_memory_of_other_arms_is_not_taken_over() -> None:
    over = ArrayView(
        probabilities=np.full((20, 2), 0.5, np.float32), memory={"weights": {"x": 9.0, "y": 0.0}}
    )
    picks = build("bandit(margin, entropy)")(over, 3, np.random.default_rng(0))
    assert picks.memory["shares"] == {"margin": 0.5, "entropy": 0.5}  # type: ignore[index]
