"""What can happen to a campaign besides being killed: it ends as if nothing had."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SMALL
from tests.drivers import drive
from tests.servers import Server
from tests.stores import client_at, held, outcome, runs
from tests.test_driver import until

PARAMETERS = {**SMALL, "campaign": "c"}


def database(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    """A server that also keeps the artifacts."""
    import mlflow

    server = Server(folder).start()
    # The experiment of the other tests keeps its artifacts in a folder, past the server.
    mlflow.MlflowClient(server.uri).create_experiment("there")
    yield server
    server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3, 30])
def test_a_server_that_stops_in_the_middle_of_a_cycle_is_waited_for(
    folder: Path, server: Server, undisturbed: Any, seconds: float
) -> None:
    driver = drive(
        folder, server.uri, PARAMETERS, "driver", settings={"MLFLOW_EXPERIMENT_NAME": "there"}
    )
    client = client_at(server.uri)
    until(lambda: bool(runs(client, step="train")))
    server.stop()
    time.sleep(seconds)
    server.start()
    assert driver.wait() == 0, driver.output()
    assert "the tracking server does not answer (connection " in driver.output()
    assert "the tracking server is back after" in driver.output()
    assert outcome(client, "c") == undisturbed


@pytest.mark.slow
def test_a_server_that_stays_away_is_given_up_and_the_same_command_goes_on(
    folder: Path, server: Server, undisturbed: Any
) -> None:
    settings = {"MLFLOW_EXPERIMENT_NAME": "there", "AL_SERVER_WAIT": "1"}
    first = drive(folder, server.uri, PARAMETERS, "first", settings=settings)
    client = client_at(server.uri)
    until(lambda: bool(runs(client, step="train")))
    server.stop()
    assert first.wait() == 1
    assert "error: the tracking server has not answered for 1 s (connection" in first.output()
    assert "start it, then the same command goes on" in first.output()
    server.start()
    second = drive(folder, server.uri, PARAMETERS, "second", settings=settings)
    assert second.wait() == 0, second.output()
    assert outcome(client, "c") == undisturbed


@pytest.mark.parametrize(
    "share", [pytest.param(share, marks=pytest.mark.slow) for share in (0.1, 0.9)] + [0.5]
)
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("disk full", "no space left on device"),
        pytest.param("read-only", "read-only file system", marks=pytest.mark.slow),
        pytest.param(
            "database full", "no space left for the tracking database", marks=pytest.mark.slow
        ),
    ],
)
def test_a_place_that_cannot_be_written_is_reported_in_a_line_and_the_same_command_goes_on(
    folder: Path, undisturbed: Any, fault: str, says: str, share: float
) -> None:
    uri = database(folder)
    first = drive(folder, uri, PARAMETERS, "first", fault=(fault, share))
    assert first.wait() == 1, first.output()
    (line,) = [line for line in first.output().splitlines() if line.startswith("error")]
    assert says in line
    assert "then the same command goes on" in line
    assert "Traceback" not in first.output()
    second = drive(folder, uri, PARAMETERS, "second")
    assert second.wait() == 0, second.output()
    assert outcome(client_at(uri), "c") == undisturbed


@pytest.mark.slow
def test_a_clock_that_goes_backwards_changes_nothing(folder: Path, undisturbed: Any) -> None:
    uri = database(folder)
    driver = drive(folder, uri, PARAMETERS, "driver", fault=("clock", 0.5))
    assert driver.wait() == 0, driver.output()
    assert outcome(client_at(uri), "c") == undisturbed


@pytest.mark.slow
def test_two_campaigns_on_one_database_do_not_disturb_each_other(
    folder: Path, undisturbed: Any
) -> None:
    uri = database(folder)
    drives = [drive(folder, uri, {**PARAMETERS, "campaign": name}, name) for name in ("c", "d")]
    assert [one.wait() for one in drives] == [0, 0], [one.output() for one in drives]
    assert outcome(client_at(uri), "c") == undisturbed


def drivers(client: Any, before: Any = ()) -> set[str]:
    """How processes hold campaigns, less what is known from before."""
    return held(client) - set(before)


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        pytest.param(signal.SIGINT, 130, "stopped", marks=pytest.mark.slow),
        (signal.SIGTERM, 143, "terminated"),
    ],
)
def test_a_signal_stops_a_campaign_cleanly_and_it_goes_on(
    folder: Path, undisturbed: Any, number: int, code: int, says: str
) -> None:
    uri = database(folder)
    client = client_at(uri)
    for trial in ("first", "again", "once more"):
        before = drivers(client)
        first = drive(folder, uri, PARAMETERS, trial, command=True)
        until(partial(drivers, client, before))
        until(lambda: bool(runs(client, step="train")))
        os.kill(first.process.pid, number)
        assert first.wait() == code, first.output()
        # An exception raised anywhere now and then leaves a lock of a library held.
        if "ended at once" not in first.output():
            break
    assert f"{says}: the same command goes on from here" in first.output()
    found = runs(client, campaign="c")
    assert not [run.info.run_name for run in found if run.info.status == "RUNNING"]
    second = drive(folder, uri, PARAMETERS, "second")
    assert second.wait() == 0, second.output()
    assert outcome(client_at(uri), "c") == undisturbed
