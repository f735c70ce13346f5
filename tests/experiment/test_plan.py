"""What an experiment tries, and what it cannot compare."""

from __future__ import annotations

from typing import Any

import pytest

from al.config import Config
from al.errors import ConfigError, UnknownName
from al.experiment.plan import Job, Plan, grid_of, strategies_of


def plan(**parts: Any) -> Plan:
    """A plan of two strategies and two seeds."""
    made: dict[str, Any] = {
        "base": {"task": "digits"}, "strategies": ("margin", "random"), "seeds": 2, "grid": {},
    }  # fmt: skip
    return Plan(**{**made, **parts})


def test_random_is_always_in_the_race() -> None:
    assert strategies_of(" margin;margin(10x)  >  k_center ;") == (
        "margin", "margin(10x) > k_center", "random",
    )  # fmt: skip
    assert strategies_of("random; badge") == ("random", "badge")


@pytest.mark.parametrize(
    ("text", "line"),
    [("", "no strategy"), ("margin; margin", "'margin' is given twice"), ("default", "name it")],
)
def test_strategies_that_are_no_race_are_refused(text: str, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        strategies_of(text)


def test_a_grid_has_values_in_the_types_of_its_parameters() -> None:
    found = grid_of("query-size=10,50; head=linear, mlp; lr=0.1")
    assert found == {"query_size": [10, 50], "head": ["linear", "mlp"], "lr": [0.1]}
    assert grid_of("none") == {}


def test_a_grid_parts_values_outside_parentheses_alone() -> None:
    forest = "sklearn.ensemble.RandomForestClassifier(max_depth=3, n_estimators=50)"
    found = grid_of(f"estimator=boosting, {forest}; cold_start=random, bandit(margin, k_center)")
    assert found["estimator"] == ["boosting", forest]
    assert found["cold_start"] == ["random", "bandit(margin, k_center)"]


def test_parameters_that_are_joined_vary_together() -> None:
    grid = grid_of("data+target=a.csv+y, b.csv+class; query_size=5,10")
    own = plan(base={"task": "table"}, grid=grid)
    assert [dict(setting) for setting in own.settings] == [
        {"data": data, "target": target, "query_size": size}
        for data, target in (("a.csv", "y"), ("b.csv", "class"))
        for size in (5, 10)
    ]
    assert {(j.config.data, j.config.target) for j in own.jobs()} == {
        ("a.csv", "y"), ("b.csv", "class"),
    }  # fmt: skip


def test_first_queries_may_be_a_grid_of_which_each_has_a_table_of_its_own() -> None:
    both = plan(grid=grid_of("first=shared,own"), strategies=("k_center", "random"))
    assert [(dict(j.setting)["first"], j.config.cold_start) for j in both.jobs()[:4]] == [
        ("shared", "default"), ("shared", "default"), ("own", "k_center"), ("own", "random"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["task=digits,mnist", "metric=accuracy,log_loss", "encoder=auto,none", "initial_size=5,10",
     "candidates=1,3", "class_weights=none,balanced", "head=linear,mlp", "validation_size=50,100",
     "explore=0,0.2", "cold_start=random,k_center", "epochs=5,10", "copies=keep,once"],
)  # fmt: skip
def test_whatever_a_trial_heeds_may_vary(text: str) -> None:
    assert len(plan(base={}, grid=grid_of(text)).settings) == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("query_size", "name=value,value"),
        ("query_size=10,10", "twice"),
        ("lr=1; lr=2", "twice"),
        ("lr+epochs=0.1+5, 0.2+5; epochs=5,6", "gives epochs twice"),
        ("lr+lr=0.1+0.2", "gives lr twice"),
        ("data+target=a.csv, b.csv", "as many as there are names"),
        ("lr=fast", "number"),
        ("seed=1,2", "many seeds"),
        ("strategy=a,b", "strategies='a; b'"),
        ("kpi=0.5,0.6", "means nothing in an experiment"),
        ("annotator=page,files", "means nothing in an experiment"),
        ("labels_from=a,b", "means nothing in an experiment"),
    ],
)
def test_a_grid_over_what_cannot_vary_is_refused(text: str, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        grid_of(text)


def test_a_misspelt_parameter_is_reported_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="query_size"):
        grid_of("query_sise=1,2")
    with pytest.raises(UnknownName, match="cycles"):
        plan(base={"cycels": 3})


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"seeds": 1}, "one campaign cannot show what is chance"),
        ({"first": "mine"}, "first=mine"),
        ({"grid": {"first": ["shared", "mine"]}}, "first=mine"),
        ({"grid": {"first": ["shared", "own"], "cold_start": ["random"]}}, "leave cold_start out"),
        ({"base": {"lr": 0.1}, "grid": {"lr": [0.1, 0.2]}}, "lr is in the grid and beside it"),
        ({"first": "own", "base": {"cold_start": "k_center"}}, "leave cold_start out"),
        ({"name": "a b"}, "is not a name"),
        ({"base": {"promote": "never"}}, "promote=never"),
        ({"grid": {"query_size": [10, 0]}}, "query_size=0"),
    ],
)
def test_a_plan_that_compares_nothing_is_refused(parts: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        plan(**parts)


def test_trials_are_all_combinations_and_one_seed_is_whole_before_the_next() -> None:
    jobs = plan(grid={"query_size": [10, 50]}).jobs()
    assert [(j.seed, dict(j.setting)["query_size"], j.strategy) for j in jobs] == [
        (seed, size, strategy)
        for seed in (0, 1)
        for size in (10, 50)
        for strategy in ("margin", "random")
    ]
    assert [j.config.query_size for j in jobs[:4]] == [10, 10, 50, 50]
    assert {j.config.promote for j in jobs} == {"always"}
    assert str(jobs[0]) == "margin, seed 0, query_size=10"
    assert len({job.key for job in jobs}) == len(jobs)


def test_a_trial_of_other_data_or_code_is_another() -> None:
    config = Config()
    assert Job("margin", 0, (), config, "a").key != Job("margin", 0, (), config, "b").key


def test_strategies_choose_their_own_first_query_where_they_can() -> None:
    own = plan(first="own", strategies=("margin", "k_center", "random")).jobs()[:3]
    assert [job.config.cold_start for job in own] == ["default", "k_center", "random"]
    assert {job.config.cold_start for job in plan().jobs()} == {"default"}


def test_the_name_says_what_trials_share_and_not_who_is_in_the_race() -> None:
    assert plan().called == plan(strategies=("badge", "random"), seeds=20).called
    assert plan().called == "experiment-digits"
    assert plan(base={"task": "digits", "lr": 0.1}).called == "experiment-digits-lr-0.1"
    assert plan(base={}, grid={"task": ["digits", "mnist"]}).called == "experiment-digits-mnist"
    assert plan(first="own").called == "experiment-digits-own-first"
    assert plan(name="mine").called == "mine"
