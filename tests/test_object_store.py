"""Artifacts in a real S3-compatible object store, reached directly and through the server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

import al
from al.errors import TrackingError
from tests.conftest import ROOT, SMALL
from tests.drivers import Drive, drive
from tests.object_store import ObjectStore
from tests.postgres import Postgres
from tests.servers import Server
from tests.stores import client_at, outcome, runs
from tests.test_driver import until

PARAMETERS = {**SMALL, "campaign": "c"}
WAYS = pytest.mark.parametrize("direct", [True, False], ids=["direct", "proxied"])
#: What can be wrong with it, and what is told.
FAULTS = {
    "stopped": "does not answer (connection refused): start it",
    "forbidden": "refuses (SignatureDoesNotMatch",
    "no bucket": "refuses (NoSuchBucket: The specified bucket does not exist)",
    "no boto3": "boto3, which is not installed: pip install 'active-learning-pipeline[server]'",
}
PROXIED = {
    "stopped": "does not answer (the tracking server answers 500: its log says why): start it",
    "forbidden": "The request signature we calculated does not match",
    "no bucket": "The specified bucket does not exist): check address and keys that the tracking",
}


def spoil(store: ObjectStore, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a fault befall the store."""
    if fault == "stopped":
        store.stop()
    elif fault == "forbidden":
        store.stop()
        store.start(secret="another")
    elif fault == "no bucket":
        (store.folder / "artifacts").rename(store.folder / "elsewhere")
    else:
        from mlflow.store.artifact import s3_artifact_repo

        s3_artifact_repo._cached_get_s3_client.cache_clear()
        monkeypatch.setitem(sys.modules, "boto3", None)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_object_store_that_cannot_be_used_is_reported_in_a_line_before_anything_begins(
    folder: Path, client: Any, object_store: ObjectStore, fault: str, monkeypatch: Any
) -> None:
    client.create_experiment("s3", artifact_location=f"{object_store.uri}here")
    spoil(object_store, fault, monkeypatch)
    with pytest.raises(TrackingError) as caught:
        al.Campaign(**PARAMETERS, experiment="s3").run()
    assert FAULTS[fault] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not runs(client)


@pytest.fixture
def started(tmp_path: Path, object_store: ObjectStore) -> Iterator[Callable[..., Server]]:
    """Starts a server on the object store."""
    servers = []

    def start(direct: bool, database: str = "") -> Server:
        server = Server(tmp_path, database, object_store, direct=direct)
        servers.append(server)
        server.start()
        client_at(server.uri).create_experiment("here")
        return server

    yield start
    for server in servers:
        server.stop()
    mlflow.set_tracking_uri(None)


def driven(server: Server, store: ObjectStore, name: str, **settings: str) -> Drive:
    """A process that runs the campaign there."""
    return drive(
        server.folder, server.uri, PARAMETERS, name, settings={**store.settings, **settings}
    )


@pytest.mark.slow
@WAYS
def test_a_campaign_on_postgresql_and_an_object_store_comes_out_as_on_sqlite(
    postgres: Postgres, started: Any, object_store: ObjectStore, undisturbed: Any, direct: bool
) -> None:
    pytest.importorskip("psycopg2")
    database = postgres.database(f"store_{'direct' if direct else 'proxied'}")
    server = started(direct, f"postgresql+psycopg2://{database}")
    one = driven(server, object_store, "alone")
    assert one.wait() == 0, one.output()
    assert outcome(client_at(server.uri), "c") == undisturbed
    assert not (server.folder / "artifacts").exists()
    versions = client_at(server.uri).search_model_versions("name='c'")
    for version in versions:
        model = version.source.removeprefix("models:/")
        (place,) = object_store.folder.rglob(model)
        assert len([path for path in place.rglob("*") if path.is_file()]) <= 12


@pytest.mark.slow
def test_the_documented_command_on_postgresql_s3_and_ray_comes_out_as_on_sqlite_without(
    postgres: Postgres, started: Any, object_store: ObjectStore, undisturbed: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pytest.importorskip("psycopg2")
    from tests.clusters import cluster

    server = started(False, f"postgresql+psycopg2://{postgres.database('everything')}")
    for name in object_store.settings:  # the server has the keys, and nobody else
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")  # where nodes start
    page = (ROOT / "docs" / "scale.md").read_text()
    section = page.partition("### With PostgreSQL and S3\n")[2]
    command = section.partition("```bash\n")[2].partition("```")[0]
    given = "".join(f" --{name}={value}" for name, value in SMALL.items())
    bin = Path(sys.executable).parent
    env = {
        **os.environ, "OMP_NUM_THREADS": "1", "PATH": f"{bin}:{os.environ['PATH']}",
        "MLFLOW_EXPERIMENT_NAME": "here", "AL_CACHE_DIR": str(server.folder / "cache"),
    }  # fmt: skip
    with cluster() as made:
        for there, here in {
            "http://10.0.0.4:5000": server.uri,
            "10.0.0.5:6379": made.address,
            "--engine ray": f"--engine ray{given}",
        }.items():
            assert there in command
            command = command.replace(there, here)
        done = subprocess.run(
            ["bash", "-ec", command], cwd=server.folder, env=env, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert outcome(client_at(server.uri), "c") == undisturbed
    assert not (server.folder / "artifacts").exists()


@pytest.mark.slow
@pytest.mark.parametrize("fault", PROXIED)
def test_a_server_that_cannot_use_its_object_store_is_reported_in_a_line_before_anything_begins(
    started: Any, object_store: ObjectStore, fault: str, monkeypatch: Any
) -> None:
    server = started(False)
    spoil(object_store, fault, monkeypatch)
    with pytest.raises(TrackingError) as caught:
        al.Campaign(**PARAMETERS, tracking_uri=server.uri, experiment="here").run()
    assert PROXIED[fault] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@WAYS
def test_an_object_store_that_is_killed_in_a_cycle_is_waited_for(
    started: Any, object_store: ObjectStore, undisturbed: Any, direct: bool
) -> None:
    server = started(direct)
    client = client_at(server.uri)
    one = driven(server, object_store, "one")
    until(lambda: bool(runs(client, step="train")), 300)
    object_store.stop()
    until(lambda: "the store of artifacts does not answer" in one.output(), 300)
    object_store.start()
    assert one.wait() == 0, one.output()
    assert "the store of artifacts is back after" in one.output()
    assert outcome(client, "c") == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["stopped", "forbidden"])
@WAYS
def test_an_object_store_that_fails_in_a_cycle_is_one_line_and_the_same_command_goes_on(
    started: Any,
    object_store: ObjectStore,
    undisturbed: Any,
    direct: bool,
    fault: str,
    monkeypatch: Any,
) -> None:
    server = started(direct)
    client = client_at(server.uri)
    # A store that starts again is away for a moment, which has to be waited for.
    wait = "1" if fault == "stopped" else "60"
    first = driven(server, object_store, "first", AL_SERVER_WAIT=wait)
    until(lambda: bool(runs(client, step="train")), 300)
    spoil(object_store, fault, monkeypatch)
    assert first.wait() == 1, first.output()
    (line,) = [line for line in first.output().splitlines() if line.startswith("error")]
    assert ("has not answered for 1 s" if fault == "stopped" else "refuses (") in line, (
        first.output()
    )
    assert "then the same command goes on" in line
    assert "Traceback" not in first.output()
    object_store.stop()
    object_store.start()
    second = driven(server, object_store, "second")
    assert second.wait() == 0, second.output()
    assert outcome(client, "c") == undisturbed
