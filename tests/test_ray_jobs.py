"""`mlflow run -b ray`: a project as a job of a real cluster, and the lines where that cannot be."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import ExecutionException
from mlflow.projects.utils import PROJECT_DOCKER_ARGS

from al.backends import ray as backend
from al.backends.ray import RayBackend
from al.engine.ray import jobs
from al.errors import ConfigError, EngineError
from tests.browser import until
from tests.clusters import job_server
from tests.conftest import ROOT, SMALL
from tests.servers import Server
from tests.stores import client_at, outcome, runs

SERVER = "http://127.0.0.1:1"


def submitted(config: dict[str, Any], uri: str = SERVER) -> str:
    """The line that a run ends with before anything has begun."""
    with pytest.raises(ExecutionException) as caught:
        RayBackend().run(str(ROOT), "main", {}, None, config, uri, "0")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_mlflow_finds_it_by_its_name() -> None:
    from mlflow.projects.backend.loader import load_backend

    assert type(load_backend("ray")) is RayBackend


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"adress": "http://h:8265"}, "unknown option 'adress': did you mean 'address'?"),
        ({"gpus": "1"}, "gpus='1': give a number"),
        ({"cpus": -1}, "cpus=-1: give a number"),
        ({"env": "TOKEN"}, "env='TOKEN': give names of variables"),
        ({"env": ["A=1"]}, "env=['A=1']: give names of variables"),
        ({"wait": "yes"}, "wait='yes': give true or false"),
        ({"address": "10.0.0.5:6379"}, "is not that of a job server: give the one of the"),
        ({PROJECT_DOCKER_ARGS: {"gpus": "all"}}, "has no use for --docker-args: leave it out"),
    ],
)
def test_an_option_that_is_wrong_is_a_line(config: dict[str, Any], says: str) -> None:
    assert says in submitted(config)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("sqlite:///mlflow.db", "which is on this machine: start `mlflow server` where"),
        ("/shared/mlruns", "which is on this machine"),
        ("http://me:secret@10.0.0.4:5000", "holds a password, which all of the cluster could"),
    ],
)
def test_a_server_that_a_cluster_should_not_be_told_is_refused(uri: str, says: str) -> None:
    line = submitted({}, uri)
    assert says in line
    assert "secret" not in line


def test_no_cluster_at_the_address_is_a_line_before_a_run_is_made(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    line = submitted({"address": address})
    assert f"no job server of a Ray cluster answers at {address} (Connection refused)" in line
    assert MlflowClient().search_runs(["0", "1"]) == []


class OldHead(BaseHTTPRequestHandler):
    """What the job server of an older Ray says of itself."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": "4", "ray_version": "2.40.0", "ray_commit": ""}')

    def log_message(self, *_: Any) -> None:
        pass


def test_a_cluster_of_another_version_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), OldHead) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(
            EngineError, match=r"is of version 2\.40\.0, and here is 2\.\d+\.\d+: inst"
        ):
            jobs.check(f"http://127.0.0.1:{server.server_port}")
        # Ray's own clients let the environment win; here what is given does.
        monkeypatch.setenv("RAY_API_SERVER_ADDRESS", SERVER)
        monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
        with pytest.raises(EngineError, match="is of version"):
            jobs.check(f"http://127.0.0.1:{server.server_port}")
        assert os.environ["RAY_API_SERVER_ADDRESS"] == SERVER
        server.shutdown()


def test_without_ray_the_line_names_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'active-learning-pipeline\[ray\]'$"):
        jobs.check("http://127.0.0.1:8265")


def test_credentials_and_settings_go_by_name_and_what_is_missing_there_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    monkeypatch.setenv("AL_DATA_DIR", "/here's data")
    command = backend._command("main", {"task": "it's"}, "r1", {}, ["HF_TOKEN"])
    assert "secret" not in command
    command = command.replace("exec python", "echo $AL_DATA_DIR; echo python")

    def ran(**env: str) -> subprocess.CompletedProcess[str]:
        path = {"PATH": os.environ["PATH"]}
        return subprocess.run(
            command, shell=True, env=path | env, capture_output=True, text=True, check=False
        )

    lacking = ran(MLFLOW_TRACKING_PASSWORD="there")
    assert lacking.returncode != 0
    assert "HF_TOKEN: set it on the machines of the cluster" in lacking.stderr
    done = ran(MLFLOW_TRACKING_PASSWORD="there", HF_TOKEN="there")
    assert done.stdout.splitlines() == [
        "/here's data",
        "python -m mlflow run . -e main --run-id r1 --env-manager local -P task=it's",
    ]
    there = ran(MLFLOW_TRACKING_PASSWORD="there", HF_TOKEN="there", AL_DATA_DIR="/there")
    assert there.stdout.startswith("/there\n")


def test_a_job_server_that_goes_away_is_waited_for_and_then_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "AWAY", 0.3)
    monkeypatch.setattr(jobs, "LOOK", 0.01)
    tries = []

    def away(id: str) -> Any:
        tries.append(id)
        if len(tries) % 3:
            raise ConnectionError("gone")
        return SimpleNamespace(value="RUNNING")

    job = jobs.Job(SimpleNamespace(get_job_status=away), "r1", SERVER)
    assert job.status == "RUNNING"
    assert len(tries) == 3

    def gone(id: str) -> Any:
        raise ConnectionError("gone")

    job = jobs.Job(SimpleNamespace(stop_job=gone), "r1", SERVER)
    with pytest.raises(EngineError, match=r"at http://127.0.0.1:1 does not answer any more"):
        job.stop()


@pytest.fixture
def head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The job server of a head that wants a key, which only its owner can read."""
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text(secrets.token_hex(32))
    settings = {
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(key), "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with job_server() as address:
        yield address


def ran(address: str, uri: str, cpus: float = 0, **parameters: Any) -> subprocess.Popen[str]:
    """The documented command, of this project."""
    config = json.dumps({"address": address, "wait": True, "cpus": cpus})
    command = [
        sys.executable, "-m", "mlflow", "run", str(ROOT), "-b", "ray", "--env-manager", "local",
        "--experiment-name", "here", "--backend-config", config,
    ]  # fmt: skip
    for name, value in parameters.items():
        command += ["-P", f"{name}={value}"]
    env = os.environ | {"MLFLOW_TRACKING_URI": uri}
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # Tests that run in the background of a shell ignore Ctrl-C, and their children with them.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def status(address: str, job: str) -> str:
    """A job's status, by a process of its own: one that has seen a key keeps it, and every cluster
    without a key that it begins later is lost on it."""
    code = (
        "import sys; from al.engine.ray import jobs; address, job = sys.argv[1:]; "
        "print(jobs.Job(jobs._client(address), job, address).status)"
    )
    command = [sys.executable, "-c", code, address, job]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_a_campaign_as_a_job_that_is_stopped_and_goes_on_comes_out_as_without_a_cluster(
    head: str, undisturbed: Any, empty_database: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    server = Server(tmp_path).start()
    try:
        client = client_at(server.uri)
        client.create_experiment("here")
        strange = ran(head, server.uri, task="digitz", campaign="d")
        stopped = ran(head, server.uri, cpus=1, task="digits", campaign="c", **SMALL)
        until(lambda: runs(client, role="step"), seconds=300)  # in the middle of its first cycle
        stopped.send_signal(signal.SIGINT)
        said, _ = stopped.communicate(timeout=600)
        assert stopped.returncode != 0, said
        (run,) = runs(client, role="campaign")
        assert run.info.status == "FAILED", said  # as MLflow calls what Ctrl-C ended
        assert status(head, run.info.run_id) == "STOPPED"

        one = ran(head, server.uri, task="digits", campaign="c", **SMALL)
        said, _ = one.communicate(timeout=600)
        assert one.returncode == 0, said
        assert "campaign c ends: cycles=2 are done" in said
        assert outcome(client, "c") == undisturbed
        (campaign,) = runs(client, role="campaign")
        assert (campaign.info.run_id, campaign.info.status) == (run.info.run_id, "FINISHED")

        said, _ = strange.communicate(timeout=600)
        assert strange.returncode == 1
        assert "did you mean 'digits'?" in said
        (run,) = re.findall(rf"^job (\w+) on {head}", said, re.MULTILINE)
        assert client.get_run(run).info.status == "FAILED"

        monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        stranger = ran(head, server.uri, task="digits")
        said, _ = stranger.communicate(timeout=600)
        assert stranger.returncode == 1
        assert "refuses this process: set RAY_AUTH_MODE=token" in said
    finally:
        server.stop()
