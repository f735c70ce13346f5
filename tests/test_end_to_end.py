"""The commands of the README, as they stand there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import mlflow
import pytest

from tests.conftest import ROOT, SMALL
from tests.stores import client_at, outcome, production, runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def mlflow_run(folder: Path, *options: str, entry: str = "main", **parameters: Any) -> str:
    """`mlflow run` on the project, with the store in the folder."""
    given = [part for key, value in parameters.items() for part in ("-P", f"{key}={value}")]
    command = ["mlflow", "run", str(ROOT), "--env-manager", "local", "-e", entry, *options, *given]
    done = subprocess.run(
        command,
        env={**ENVIRONMENT, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_campaign_by_mlflow_run_goes_on_by_cycle_and_by_steps(folder: Path, client: Any) -> None:
    experiment = ("--experiment-name", "here")
    printed = mlflow_run(folder, *experiment, **{**SMALL, "campaign": "c", "baseline": "random"})
    assert printed.count(" test  v") == 4
    assert "margin" in printed
    assert "random" in printed
    assert "al ui --store sqlite:" in printed
    (top,) = runs(client, role="campaign", campaign="c")
    assert top.data.tags["mlflow.project.entryPoint"] == "main"  # it is the project's own run
    assert "is finished" in mlflow_run(folder, *experiment, **{**SMALL, "campaign": "c"})

    mlflow_run(folder, *experiment, entry="cycle", campaign="c")
    for entry in ("select-data", "annotate", "compare", "train", "select-model"):
        mlflow_run(folder, *experiment, entry=entry, campaign="c")
    found = outcome(client, "c")
    assert found["cycles"] == ["1", "2", "3", "4"]
    assert found["running"] == []
    assert len(production(client, "c")) == 1
    (step,) = runs(client, campaign="c", step="train", cycle="4")
    assert step.data.tags["mlflow.project.entryPoint"] == "train"

    expected = outcome_of_one_run(folder, client)
    assert [found[k] for k in ("labels", "curve")] == [expected[k] for k in ("labels", "curve")]


def outcome_of_one_run(folder: Path, client: Any) -> dict[str, Any]:
    """The same four cycles, in one process."""
    import al

    al.Campaign(**{**SMALL, "campaign": "whole", "cycles": 4}, show_progress=False).run()
    found = outcome(client, "whole")
    found["labels"]["model"] = [m.replace("/whole/", "/c/") for m in found["labels"]["model"]]
    return found


def test_a_driver_that_is_terminated_says_so_and_the_same_command_goes_on(
    folder: Path, client: Any
) -> None:
    command = [sys.executable, "-m", "steps.main", "--campaign", "c", "--cycles", "3"]
    command += ["--baseline", "none", "--epochs", "400", "--patience", "400"]
    environment = {
        **ENVIRONMENT,
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "PYTHONPATH": str(ROOT),
    }
    for sent, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while not runs(client, role="step", campaign="c", step="train"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(1)
        process.send_signal(sent)
        _, message = process.communicate(timeout=60)
        # Where the signal came while an extension ran Python code, Python ends by the signal
        # itself, which a shell reports as the same code.
        assert process.returncode in (code, -sent), message
        assert "the same command goes on" in message
        assert "Traceback" not in message
        assert {r.info.status for r in runs(client, campaign="c")} & {"RUNNING"} == set()
    subprocess.run([*command, "--epochs", "400"], env=environment, check=True)
    assert outcome(client, "c")["cycles"] == ["1", "2", "3"]


def test_the_production_model_is_served(folder: Path, client: Any) -> None:
    import al

    al.Campaign(**{**SMALL, "campaign": "c", "cycles": 1}, show_progress=False).run()
    port = free_port()
    server = subprocess.Popen(
        ["mlflow", "models", "serve", "-m", "models:/c/Production", "--env-manager", "local",
         "-h", "127.0.0.1", "-p", str(port)],
        env={**ENVIRONMENT, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        body = json.dumps({"inputs": [[[0.0] * 8] * 8] * 3}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        for _ in range(120):
            try:
                answer = json.load(urllib.request.urlopen(request, timeout=30))
                break
            except OSError:
                time.sleep(1)
        rows = answer["predictions"]
        assert len(rows) == 3
        assert all(row["label"] in "0123456789" and 0.1 <= row["probability"] <= 1 for row in rows)
    finally:
        os.killpg(server.pid, signal.SIGTERM)


def test_fashion_mnist_learns(folder: Path, fashion_mnist: Any, client: Any) -> None:
    import al

    result = al.Campaign(
        task="fashion-mnist", campaign="c", cycles=2, initial_size=100, query_size=100,
        epochs=20, baseline="none", show_progress=False,
    ).run()  # fmt: skip
    assert list(result.curve["labels"]) == [100, 200]
    assert result.curve["accuracy"].iloc[-1] > 0.6


def test_another_machine_that_sees_the_server_runs_the_next_cycle(
    tmp_path: Path, empty_database: Path
) -> None:
    (tmp_path / "server").mkdir()
    shutil.copy(empty_database, tmp_path / "server" / "mlflow.db")
    port = free_port()
    server = subprocess.Popen(
        ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "kept"],
        cwd=tmp_path / "server",
        env={**ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    uri = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{uri}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        # Its first experiment was made on another path: runs go into one made by the server.
        for machine in ("one", "two", "three"):
            (tmp_path / machine).mkdir()
            given = [f"--{key}={value}" for key, value in SMALL.items()]
            subprocess.run(
                [sys.executable, "-m", "steps.cycle", "--campaign", "c", *given],
                cwd=tmp_path / machine,
                env={
                    **ENVIRONMENT,
                    "MLFLOW_TRACKING_URI": uri,
                    "MLFLOW_EXPERIMENT_NAME": "shared",
                    "PYTHONPATH": str(ROOT),
                },
                check=True,
            )
            assert not any((tmp_path / machine).iterdir())  # all of it is on the server
        client = client_at(uri)
        found = outcome(client, "c")
        assert [labels for labels, _ in found["curve"]] == [30, 40, 50]
        assert found["running"] == []
        assert len(production(client, "c")) == 1
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        mlflow.set_tracking_uri(None)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
