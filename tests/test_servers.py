"""Servers as teams run them."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import mlflow
import pytest

import al
from al.errors import TrackingError, without_credentials
from al.registry import Registry
from al.tracking.connection import Connection
from tests.conftest import SMALL
from tests.drivers import drive
from tests.postgres import Postgres
from tests.servers import Gate, Server
from tests.stores import client_at, outcome, production, runs


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["postgresql+psycopg2", "postgresql+psycopg"])
def test_one_version_is_in_production_on_postgresql_whichever_driver_it_has(
    postgres: Postgres, dialect: str
) -> None:
    driver = pytest.importorskip(dialect.partition("+")[2]).__name__
    uri = f"{dialect}://{postgres.database(f'registry_{driver}')}"
    client = client_at(uri)
    registry = Registry(Connection(uri), "m", "c", "owner")
    registry.claim()
    for version in (1, 2, 3):
        client.create_model_version("m", "file:///nowhere")
        registry.promote(version, "better")
        assert production(client, "m") == [version]
    assert registry.undo("it is slow", 3) == 2
    assert production(client, "m") == [2]
    mlflow.set_tracking_uri(None)


@pytest.mark.slow
def test_a_campaign_through_a_server_on_postgresql_comes_out_as_on_sqlite(
    postgres: Postgres, tmp_path: Path, undisturbed: Any
) -> None:
    pytest.importorskip("psycopg2")
    database = f"postgresql+psycopg2://{postgres.database('campaign')}"
    server = Server(tmp_path, database).start()
    try:
        client = client_at(server.uri)
        client.create_experiment("here")
        driven = drive(tmp_path, server.uri, {**SMALL, "campaign": "c"}, "alone")
        assert driven.wait() == 0, driven.output()
        assert outcome(client, "c") == undisturbed
    finally:
        server.stop()
        mlflow.set_tracking_uri(None)


@pytest.mark.parametrize("who", ["al:other", "", "al:with/slash@and:more"])
def test_a_server_that_refuses_who_asks_is_one_line_without_the_password(
    who: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate("", "al:s3cret")
    uri = f"http://{who}@{gate.place}" if who else f"http://{gate.place}"
    try:
        with pytest.raises(TrackingError) as caught:
            al.Campaign(**SMALL, tracking_uri=uri, campaign="c").run()
    finally:
        gate.stop()
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    password = who.partition(":")[2]
    assert not password or password not in shown
    assert "\n" not in str(caught.value)
    if "/" not in who:
        assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in str(caught.value)


@pytest.mark.slow
def test_credentials_in_the_tracking_url_work_and_are_written_nowhere(tmp_path: Path) -> None:
    server = Server(tmp_path).start()
    gate = Gate(server.uri, "al:s3cret")
    try:
        client = client_at(server.uri)
        client.create_experiment("here")
        uri = f"http://al:s3cret@{gate.place}"
        driven = drive(tmp_path, uri, {**SMALL, "campaign": "c"}, "alone")
        assert driven.wait() == 0, driven.output()
        assert gate.refused == 0
        found = [*runs(client), *client.search_registered_models(), *client.search_model_versions()]
        assert len(found) > 10
        assert "s3cret" not in driven.output() + "".join(str(vars(one)) for one in found)
        texts = [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
        assert not [path for path in texts if b"s3cret" in path.read_bytes()]
    finally:
        gate.stop()
        server.stop()
        mlflow.set_tracking_uri(None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see http://me:pw@host:1/a", "see http://host:1/a"),
        ("see http://me:p/w@host/a", "see http://host/a"),
        ("postgresql+psycopg2://me@host/db", "postgresql+psycopg2://host/db"),
        ("s3://bucket/me@home/x.png and a@b", "s3://bucket/me@home/x.png and a@b"),
        ("'http://a:b@c' or 'd@e'", "'http://c' or 'd@e'"),
    ],
)
def test_texts_lose_credentials_and_nothing_else(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert str(TrackingError(text)) == shown
