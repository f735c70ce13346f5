"""What to begin with: what is chosen, by which rule, from curves whose truth is known."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import al
from al.config import Config
from al.errors import ConfigError
from al.experiment.leaderboard import Curves, Leaderboard
from al.experiment.plan import grid_of, strategies_of
from al.experiment.recommending import Recommendation, _Choosing
from al.experiment.results import Results, Sizes
from tests.experiment.test_experiment import TINY
from tests.own_data import masks_folder
from tests.stores import runs

LABELS = np.array([20.0, 30.0, 40.0])
GIVEN = {name: value for name, value in TINY.items() if name != "query_size"}


class World:
    """Experiments whose curves are made: all alike, but for those that have a gain."""

    def __init__(self, **gains: float) -> None:
        self.gains = gains
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []

    def __call__(
        self, strategies: Sequence[str], grid: str, name: str, more: Mapping[str, Any]
    ) -> Results:
        self.asked.append(("; ".join(strategies), grid, more))
        boards = {}
        values = grid_of(grid)
        settings = [((key, v),) for key, found in values.items() for v in found] or [()]
        for number, setting in enumerate(settings):
            curves = {}
            for row, strategy in enumerate(strategies_of("; ".join(strategies))):
                rng = np.random.default_rng((number, row))
                gain = self.gains.get(strategy, 0.0)
                gain += sum(self.gains.get(f"{key}_{value}", 0.0) for key, value in setting)
                curves[strategy] = 0.6 + gain + rng.normal(0, 0.01, (6, 3))
            seconds = dict.fromkeys(curves, (0.1, 1.0))
            board = Curves(LABELS, curves, seconds)
            boards[setting] = Leaderboard.of(board, "accuracy", lower=False, level=None)
        return Results(name, "digits", "shared", boards, dict.fromkeys(boards, Sizes(200, 40, 100)))


def chosen(world: World, **given: Any) -> dict[str, Any]:
    choosing = _Choosing({**GIVEN, **given}, world)
    choosing.strategy()
    choosing.first_query()
    choosing.query_size()
    choosing.head()
    return {choice.name: choice.value for choice in choosing.choices}


def test_where_nothing_is_told_apart_all_stays_plain_but_queries_are_large() -> None:
    assert chosen(World()) == {"strategy": "auto", "cold_start": "typiclust", "query_size": 20}


def test_what_is_told_to_be_better_is_chosen_and_goes_into_what_comes_after() -> None:
    world = World(badge=0.1, auto=0.03, cold_start_max_herding=0.1, query_size_20=-0.1)
    found = chosen(world)
    assert found == {"strategy": "badge", "cold_start": "max_herding", "query_size": 10}
    (_, first, _), (strategies, second, _), (_, third, more) = world.asked
    assert (first, strategies) == ("none", "badge")
    assert second.startswith("cold_start=typiclust,random")
    assert third == "query_size=10,20"  # 40 would be more than the budget
    assert more["cold_start"] == "max_herding"
    assert more["label_budget"] == 40  # two cycles, as given, whatever the size


def test_the_plain_strategy_stays_where_it_is_not_told_from_the_best() -> None:
    assert chosen(World(badge=0.102, auto=0.1))["strategy"] == "auto"


def test_what_is_given_is_not_chosen() -> None:
    found = chosen(World(cold_start_max_herding=0.1), cold_start="random", query_size=10)
    assert found == {"strategy": "auto"}


def test_what_the_task_cannot_take_is_left_out_and_reported() -> None:
    world = World()
    choosing = _Choosing(GIVEN, world)
    choosing.strategy()
    assert "igs" not in world.asked[0][0]
    assert "uherding" not in world.asked[0][0].split("; ")  # it is what auto asks by
    assert "igs has no meaning where labels are one class each" in choosing.left_out["igs"]


@pytest.mark.parametrize(("budget", "grid"), [(35, None), (45, "query_size=10,20")])
def test_query_sizes_are_compared_within_a_budget_that_is_given(
    budget: int, grid: str | None
) -> None:
    world = World()
    chosen(world, label_budget=budget, cycles=6)
    sizes = [(asked, more) for _, asked, more in world.asked if asked.startswith("query_size")]
    assert [asked for asked, _ in sizes] == ([grid] if grid else [])
    assert [more["label_budget"] for _, more in sizes] == ([budget] if grid else [])


def test_a_head_that_the_task_cannot_take_is_not_tried(tmp_path: Path) -> None:
    given = {"task": "mask-folder", "data": str(masks_folder(tmp_path / "masks"))}
    given |= {"encoder": "efficientnet-lite0", "classes": "1=thing,2=ground", "ignore": "3"}
    sizes = {"initial_size": 5, "query_size": 5, "validation_size": 6, "cycles": 2}
    choosing = _Choosing({**given, **sizes}, World())
    choosing.strategy()
    choosing.head()
    assert [choice.name for choice in choosing.choices] == ["strategy"]
    assert "mlp" in choosing.left_out


def test_the_command_can_be_pasted() -> None:
    choosing = _Choosing(GIVEN, World())
    choosing.strategy()
    found = Recommendation(tuple(choosing.choices), {"task": "table", "data": "my data.csv"})
    words = shlex.split(found.command)
    assert words[:2] == ["al", "main"]
    assert words[words.index("--data") + 1] == "my data.csv"
    assert "al main" in found.text()


@pytest.mark.parametrize(
    ("given", "message"),
    [({"strategy": "margin"}, "the first that is chosen"), ({"cycles": 1}, "a first query alone")],
)
def test_what_leaves_nothing_to_choose_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        al.recommend(task="digits", **given)


@pytest.mark.slow
@pytest.mark.parametrize(
    "judged", [{}, {"validation": "folds", "validation_size": Config().validation_size}]
)
def test_what_is_recommended_runs(folder: Path, client: Any, judged: dict[str, Any]) -> None:
    given = {**TINY, **judged, "cold_start": "random"}
    found = al.recommend(**given, seeds=2, workers=1, show_progress=False)
    assert set(found.results) == {"strategy"}
    (run,) = runs(client, role="experiment")
    assert run.info.run_name.startswith("recommend-strategy-")
    result = al.Campaign(**{**found.parameters, "cycles": 2}, show_progress=False).run()
    assert len(result.curve) == 2
