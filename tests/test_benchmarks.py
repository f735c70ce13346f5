"""The benchmarks run and agree on what is right; how long anything takes is not tested."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression

from al.graphs.linear import STRENGTH
from benchmarks import (
    common,
    compare_rules,
    profiling,
    rebenchmark,
    selection,
    strategies_on_tasks,
    yardsticks,
)
from benchmarks.selection_growth import draw_growth


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tables go: not where those of the README are."""
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_selection_shows_that_ours_and_the_textbook_pick_the_same(results: Path) -> None:
    asked = ["--quick", "--workload", "a", "--strategy", "k_center", "--repeats", "1"]
    done = CliRunner().invoke(selection.main, asked)
    assert done.exit_code == 0, done.output
    assert "| k_center | textbook   |" in done.output
    with (results / "selection.csv").open() as file:
        *measured, checked = csv.DictReader(file)
    found = [(row["strategy"], row["contestant"], row["picks"]) for row in measured]
    assert found == [("k_center", "ours", "same"), ("k_center", "textbook", "same")]
    assert (checked["ours"], checked["textbook"]) == ("same", "same")


@pytest.mark.parametrize("name", ["bald", "entropy", "least_confidence", "margin"])
def test_ours_and_the_textbook_pick_what_the_definition_says(name: str) -> None:
    work = selection.WORKLOADS["a"][0].small(400, 10)
    (row,) = selection.checks(work, [name])
    assert (row["ours"], row["textbook"]) == ("same", "same")


def test_a_contestant_that_takes_too_long_is_reported_and_the_others_go_on(results: Path) -> None:
    work = selection.WORKLOADS["a"][0].small(400, 10)
    options = {"repeats": 1, "limit": 1e-5, "memory": 12.0}
    (row,) = selection.measure(work, ["k_center"], ["ours"], **options)
    assert row["seconds"] == "more than 1e-05 s"


def test_rebenchmark_is_paired_and_goes_through_the_selector() -> None:
    data = "breast cancer"
    curves = [rebenchmark.curve((data, 0, name), steps=3) for name in rebenchmark.STRATEGIES]
    assert [len(curve) for curve in curves] == [3, 3]
    row = rebenchmark.compared(data, np.array([[rebenchmark.area(curve) for curve in curves]]))
    assert row["seeds"] == 1
    assert 0.3 < float(row["margin"]) < 1  # of three queries, two trapezoids count


def test_the_area_goes_by_the_accuracies_after_each_query() -> None:
    assert rebenchmark.area([0.5, 1.0, 1.0]) == pytest.approx((0.75 + 1.0) / 3)


def test_strategies_of_a_seed_share_their_first_query_and_what_is_there_is_not_run_again(
    monkeypatch: pytest.MonkeyPatch, results: Path
) -> None:
    small = replace(strategies_on_tasks.DATA["breast cancer"](), budgets=(10, 16))
    monkeypatch.setattr(strategies_on_tasks, "CURVES", results / "curves.csv")
    monkeypatch.setitem(strategies_on_tasks.DATA, "breast cancer", lambda: small)
    strategies_on_tasks.run(["breast cancer"], 2, 10)
    found = pd.read_csv(results / "curves.csv")
    first = found["values"].str.split().str[0]
    assert (first.groupby([found["seed"], found["first"]]).nunique() == 1).all()
    assert found["values"].nunique() > 6  # and they differ in what follows

    strategies_on_tasks.run(["breast cancer"], 2, 10)
    assert pd.read_csv(results / "curves.csv").equals(found)

    curves = strategies_on_tasks.Curves("breast cancer", found, lower=False)
    assert curves.seeds == 2
    assert np.allclose(curves.areas["random", "random"], curves.runs["random", "random"].mean(1))
    made = strategies_on_tasks.tables([curves])
    assert [len(rows) for rows in made.values()] == [9, 8, 1, 1]


def test_the_head_that_strategies_race_on_is_fitted_to_what_it_reads() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=90)
    x = (5 + rng.normal(size=(90, 16)) / 20 + np.eye(16)[y] / 20).astype(np.float32)
    problem = strategies_on_tasks.Problem(x, y, "accuracy", (10,))
    rows = np.arange(60)
    found = problem.said(problem.learned(rows, 0), np.arange(90))
    read = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    exact = LogisticRegression(C=STRENGTH / 16, max_iter=10_000).fit(read[rows], y[rows])
    assert found == pytest.approx(exact.predict_proba(read), abs=0.02)


def test_the_rules_of_compare_differ_where_they_should() -> None:
    rules = {rule[0]: rule for rule in compare_rules.RULES}

    def share(name: str, margin: float) -> float:
        value = compare_rules.KPI + margin
        found = [compare_rules.retrains(rules[name], value, 2000, 100, seed) for seed in range(20)]
        return sum(found) / 20

    assert share("plain, margin", 0.05) > 0.7  # needlessly
    assert share("weighted, power(margin), 5 cycles", 0.05) < 0.4
    assert share("weighted, power(margin), 5 cycles", -0.05) == 1


def test_yardsticks_that_are_not_there_are_reported_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(yardsticks, "FOLDER", tmp_path)
    assert selection.makeable(["a", "e", "g", "n"]) == ["a", "g"]
    assert selection.installed(["ours", "prototype"]) == ["ours"]
    message = capsys.readouterr().err
    assert f"workload n is left out: {tmp_path}/workloads.py is not there" in message
    assert "prototypes.py is not there and left out" in message


def test_growth_is_drawn_with_the_slope_of_seconds_in_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def row(name: str, seconds: str, mib: object) -> common.Row:
        shown = {"seconds": seconds, "cpu s": "1", "peak MiB": mib}
        return {"strategy": name, "contestant": "ours", **shown}

    tables = {size: [row("k_center", str(size**2 / 1e6), 3), row("badge", "more than 1 s", "–")]
              for size in (10, 100, 1000)}  # fmt: skip
    draw_growth(tables, tmp_path / "new" / "growth.png", cpu=False)
    assert capsys.readouterr().out == "k_center: seconds grow as the pool's size to the 2.00\n"
    assert (tmp_path / "new" / "growth.png").stat().st_size > 1000


@pytest.mark.parametrize("place", profiling.PIPELINE + profiling.SCRIPT, ids=lambda place: place[1])
def test_what_the_profile_times_is_where_it_says(place: profiling.Place) -> None:
    owner, name, _ = place
    assert callable(getattr(owner, name))
