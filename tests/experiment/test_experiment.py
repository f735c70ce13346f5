"""Experiments on a real store: in processes, killed, gone on with, looked at in MLflow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import al
from al.errors import ConfigError, UnknownName
from al.experiment.experiment import settled_jobs
from al.experiment.plan import Plan
from tests.conftest import ROOT
from tests.stores import runs

TINY: dict[str, Any] = {
    "task": "digits", "cycles": 2, "epochs": 2, "checkpoints": 1, "validation_size": 40,
    "initial_size": 20, "query_size": 10, "batch_size": 32,
}  # fmt: skip


def experiment(**parts: Any) -> al.Experiment:
    """A small one."""
    how = {"strategies": "margin", "seeds": 2, "show_progress": False, "workers": 1}
    return al.Experiment(**{**how, **TINY, **parts})


@pytest.mark.slow
def test_an_experiment_is_kept_with_its_trials_and_goes_on_with_more(
    folder: Path, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    results = experiment().run()
    (parent,) = runs(client, role="experiment")
    trials = runs(client, role="trial")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["mlflow.note.content"] == results.sentence()
    assert "experiment/area/margin" in parent.data.metrics
    names = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"leaderboard.csv", "curves.csv", "curves.png"} <= names
    assert {t.data.tags["mlflow.parentRunId"] for t in trials} == {parent.info.run_id}
    assert sorted((t.data.params["strategy"], t.data.params["seed"]) for t in trials) == [
        ("margin", "0"), ("margin", "1"), ("random", "0"), ("random", "1"),
    ]  # fmt: skip
    for trial in trials:  # 80 campaigns fill no disk
        assert sum(f.file_size for f in client.list_artifacts(trial.info.run_id)) < 10_000
    history = client.get_metric_history(trials[0].info.run_id, "test/accuracy")
    assert [point.step for point in history] == [20, 30]
    # what is there is not run again, whoever joins
    caplog.set_level("INFO", "al")
    more = experiment(strategies="margin; k_center", seeds=3).run()
    assert "4 of 9 trials are there already" in caplog.text
    assert len(runs(client, role="trial")) == 9
    assert len(runs(client, role="experiment")) == 1
    before, after = (r.curves().set_index(["strategy", "seed", "labels"]) for r in (results, more))
    pd.testing.assert_frame_equal(before, after.loc[before.index])
    # strategies of a seed begin alike
    first = more.curves().query("labels == 20")
    assert first.groupby("seed")["accuracy"].nunique().tolist() == [1, 1, 1]
    # a trial whose record is damaged runs again, and comes out the same
    one = runs(client, role="trial")[0]
    (Path(one.info.artifact_uri.removeprefix("file://")) / "curve.json").write_text("[{")
    # and a record that was cut off is ended, also where that was just before its end
    tags = {"al.role": "trial", "al.experiment_run": parent.info.run_id, "al.trial": "of before"}
    cut_off = client.create_run(parent.info.experiment_id, tags=tags).info.run_id
    client.update_run(trials[1].info.run_id, status="RUNNING")
    again = experiment(strategies="margin; k_center", seeds=3).run()
    pd.testing.assert_frame_equal(again.curves(), more.curves())
    assert len(runs(client, role="trial")) == 11
    assert client.get_run(cut_off).info.status == "KILLED"
    assert client.get_run(trials[1].info.run_id).info.status == "FINISHED"
    assert "a trial runs again: artifact curve.json of run" in caplog.text


@pytest.mark.slow
def test_an_experiment_killed_twice_ends_as_one_that_was_not(folder: Path, client: Any) -> None:
    command = [
        sys.executable, "-m", "al", "experiment", "--strategies", "margin", "--seeds", "3",
        "--workers", "2", "--name", "killed",
        *(part for n, v in TINY.items() for part in (f"--{n}", str(v))),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": _uri(folder)}
    for done in (1, 3):
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        deadline = time.monotonic() + 300
        while len(runs(client, role="trial")) < done and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        _await_no_member(process.pid)
    last = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stderr
    assert "RUNNING" not in [run.info.status for run in runs(client, role="trial")]
    (parent,) = runs(client, role="experiment")
    killed = pd.read_csv(client.download_artifacts(parent.info.run_id, "curves.csv"))
    whole = experiment(seeds=3, name="whole").run().curves()
    pd.testing.assert_frame_equal(killed[whole.columns], whole, check_exact=False, rtol=1e-12)
    assert "seeds" in last.stdout


def _uri(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


def _await_no_member(group: int) -> None:
    """Workers end with the process that began them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("workers outlive the process that was killed")


@pytest.mark.slow
def test_settings_are_compared_each_alone(folder: Path, client: Any) -> None:
    results = experiment(
        strategies="random", grid="patience=5; lr=0.003,0.01", cycles=2, level=0.01
    ).run()
    assert [dict(setting) for setting in results.boards] == [
        {"patience": 5, "lr": lr} for lr in (0.003, 0.01)
    ]
    assert set(results.leaderboard()["lr"]) == {0.003, 0.01}
    assert results.ranking is None  # of one strategy
    assert "patience=5, lr=0.01" in results.text()
    assert np.isfinite(results.leaderboard()["labels_to_level"]).all()


def test_a_trial_of_data_that_changed_is_another(folder: Path) -> None:
    rows = pd.DataFrame({"x": np.sin(np.arange(90.0)), "y": ["a", "b", "b"] * 30})
    mine = {"task": "table", "data": "rows.csv", "target": "y", "validation_size": 10}
    jobs = Plan({**TINY, **mine}, ("random",), 2, {}).jobs()

    def keys(table: pd.DataFrame) -> set[str]:
        table.to_csv("rows.csv", index=False)
        return {job.key for job in settled_jobs(jobs)}

    assert keys(rows) == keys(rows.copy())
    assert not keys(rows) & keys(rows.assign(x=rows["x"] + 1))


@pytest.mark.parametrize(
    ("wrong", "error", "line"),
    [
        ({"seeds": "many"}, ConfigError, "seeds='many' is not a whole number"),
        ({"level": "high"}, ConfigError, "level='high' is not a number"),
        ({"workers": "0"}, ConfigError, "workers='0' is not a number of processes"),
        ({"strategies": "margn"}, UnknownName, "margin"),
        ({"strategies": "margin; margin"}, ConfigError, "twice"),
        ({"grid": "kpi=0.1,0.2"}, ConfigError, "means nothing in an experiment"),
        ({"strategies": "igs"}, al.errors.StrategyError, "igs"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    folder: Path, client: Any, wrong: dict[str, Any], error: type[Exception], line: str
) -> None:
    with pytest.raises(error, match=line):
        experiment(**wrong).run()
    assert not runs(client, role="experiment")
