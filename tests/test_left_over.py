"""Runs that `mlflow run` made and whose process was killed before our code began."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import al
from tests.person import TINY, rows
from tests.stores import client_at


def made(client: Any, **params: str) -> str:
    """A run as `mlflow run` leaves it when it is killed."""
    experiment = client.get_experiment_by_name("here").experiment_id
    tags = {"mlflow.project.backend": "local", "mlflow.project.entryPoint": "main"}
    run = client.create_run(experiment, tags=tags)
    for name, value in params.items():
        client.log_param(run.info.run_id, name, value)
    return str(run.info.run_id)


@pytest.mark.slow
def test_a_run_of_a_killed_command_is_ended_by_the_next_that_holds_the_campaign(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(90).to_csv(folder / "rows.csv", index=False)
    client = client_at(f"sqlite:///{folder}/mlflow.db")
    kept = {name: str(v) for name, v in TINY.items() if name not in ("show_progress", "campaign")}
    by_name, other = made(client, campaign="c", poll="60s"), made(client, campaign="d")
    nonsense, unnamed = made(client, campaign="c", lr="fast"), made(client, **kept)
    taken = made(client, campaign="c")
    client.set_tag(taken, "al.role", "step")  # somebody's who drives from elsewhere
    mine, served = made(client, campaign="c"), made(client, campaign="c")
    sleeps = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        stdin=subprocess.PIPE,
        env={**os.environ, "MLFLOW_RUN_ID": served},
    )

    def status(run: str) -> str:
        return str(client.get_run(run).info.status)

    try:
        monkeypatch.setenv("MLFLOW_RUN_ID", mine)
        al.Campaign(entry="cycle", **TINY).cycle()
        monkeypatch.delenv("MLFLOW_RUN_ID")
        assert {status(run) for run in (other, nonsense, unnamed, served)} == {"RUNNING"}
        assert (status(by_name), status(mine)) == ("KILLED", "FINISHED")
    finally:
        sleeps.communicate(b"\n")
    al.Campaign(**TINY).cycle()
    assert status(served) == "KILLED"
    al.Campaign(**{**TINY, "campaign": "auto"}).cycle()
    assert status(unnamed) == "KILLED"
    assert status(taken) == "RUNNING"
