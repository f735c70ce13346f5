"""Two drivers of one campaign never both win; a dead one is taken over."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from al.errors import CampaignBusy
from al.tracking import Store
from al.tracking.driver import Driver
from tests.conftest import ROOT, SMALL
from tests.drivers import Drive, context, drive
from tests.servers import Server
from tests.stores import client_at, held, outcome, runs

PARAMETERS = {**SMALL, "campaign": "c"}


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.slow)])
def place(request: Any, folder: Path) -> Iterator[tuple[Path, str]]:
    """A folder and a tracking URI: SQLite, or a real server on it."""
    if request.param == "sqlite":
        yield folder, f"sqlite:///{folder}/mlflow.db"
        return
    server = Server(folder).start()
    yield folder, server.uri
    server.stop()


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.slow
def test_of_eight_drivers_started_together_one_wins(
    place: tuple[Path, str], undisturbed: Any
) -> None:
    folder, uri = place
    barrier = context.Barrier(8)
    drives = [
        drive(folder, uri, PARAMETERS, f"driver{number}", barrier=barrier) for number in range(8)
    ]
    codes = [one.wait() for one in drives]
    assert sorted(codes) == [0] + [1] * 7, [one.output() for one in drives]
    for one, code in zip(drives, codes, strict=True):
        if code:
            assert "error: campaign 'c' is driven by process" in one.output()
            assert "wait for it, or stop it there" in one.output()
    assert outcome(client_at(uri), "c") == undisturbed
    assert not held(client_at(uri))


def stopped_in_the_middle(folder: Path, uri: str, number: int, **how: Any) -> Drive:
    """A driver that a signal stopped while it trained."""
    first = drive(folder, uri, {**PARAMETERS, "epochs": 400, "patience": 400}, "first", **how)
    client = client_at(uri)
    until(lambda: any(r.info.status == "RUNNING" for r in runs(client, step="train")))
    os.kill(first.process.pid, number)
    while number == signal.SIGSTOP and is_locked(folder / "mlflow.db"):
        # Suspended while it writes, it would hold SQLite's lock for as long as it sleeps.
        os.kill(first.process.pid, signal.SIGCONT)
        time.sleep(0.05)
        os.kill(first.process.pid, number)
    return first


def is_locked(path: Path) -> bool:
    """Whether nobody else can write to the database."""
    with closing(sqlite3.connect(path, timeout=1)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        database.rollback()
        return False


@pytest.mark.slow
def test_a_driver_that_was_killed_is_taken_over_at_once(folder: Path) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    stopped_in_the_middle(folder, uri, signal.SIGKILL).wait()
    second = drive(folder, uri, {**PARAMETERS, "epochs": 400, "patience": 400}, "second")
    assert second.wait() == 0, second.output()
    assert "is gone: this process takes over" in second.output()
    assert not held(client_at(uri))


@pytest.mark.slow
def test_a_driver_on_another_host_is_taken_over_when_it_was_silent_for_the_lease(
    folder: Path,
) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    quick = {"beat": 0.2, "lease": 2.0}
    stopped_in_the_middle(folder, uri, signal.SIGKILL, host="elsewhere", **quick).wait()
    parameters = {**PARAMETERS, "epochs": 400, "patience": 400}
    start = time.monotonic()
    second = drive(folder, uri, parameters, "second", **quick)
    assert second.wait() == 0, second.output()
    assert time.monotonic() - start > 2.0
    assert "on elsewhere, since" in second.output()
    assert "waiting for a sign of life, 2 s at most" in second.output()


@pytest.mark.slow
def test_a_driver_on_another_host_that_gives_a_sign_of_life_is_left_alone(folder: Path) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    quick = {"beat": 0.2, "lease": 20.0}
    first = stopped_in_the_middle(folder, uri, signal.SIGCONT, host="elsewhere", **quick)
    second = drive(folder, uri, {**PARAMETERS, "epochs": 400, "patience": 400}, "second", **quick)
    assert second.wait() == 1, second.output()
    assert "error: campaign 'c' is driven by process" in second.output()
    first.process.kill()


@pytest.mark.slow
def test_a_driver_that_slept_through_its_lease_writes_nothing_any_more(folder: Path) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    quick = {"beat": 0.2, "lease": 1.0}
    first = stopped_in_the_middle(folder, uri, signal.SIGSTOP, host="elsewhere", **quick)
    parameters = {**PARAMETERS, "epochs": 400, "patience": 400}
    second = drive(folder, uri, parameters, "second", **quick)
    assert second.wait() == 0, second.output()
    before = outcome(client_at(uri), "c")
    os.kill(first.process.pid, signal.SIGCONT)
    assert first.wait() == 1, first.output()
    assert "was taken over while this process gave no sign of life" in first.output()
    assert outcome(client_at(uri), "c") == before


def test_a_campaign_is_free_again_after_its_driver_left(folder: Path) -> None:
    store = Store()
    for _ in range(2):
        driver = Driver(store, "c").acquire()
        with pytest.raises(CampaignBusy, match=r"is driven by process \d+ on .*, since 20"):
            Driver(Store(), "c").acquire()
        Driver(Store(), "another").acquire().release()
        driver.release()


def test_a_driver_that_leaves_ends_the_runs_that_were_begun_and_not_ended(folder: Path) -> None:
    store = Store()
    driver = Driver(store, "c").acquire()
    begun, again, ended = (store.create(name, {}, kind="train") for name in "abd")
    ended.finish()
    again.end("SCHEDULED")
    again.reopen()
    driver.release()
    found = {run: store.client.raw.get_run(run.id).info.status for run in (begun, again, ended)}
    assert found == {begun: "KILLED", again: "KILLED", ended: "FINISHED"}
    assert not held(client_at(store.uri))


STOPPED_WHILE_LEAVING = """
import os, signal
from al import stops
from al.tracking import Store
from al.tracking.driver import Driver

stops.heed()
store = Store()
driver = Driver(store, "c").acquire()
delete = store.client.raw.delete_experiment_tag


def stopped(*given):
    os.kill(os.getpid(), signal.SIGTERM)
    delete(*given)


store.client.raw.delete_experiment_tag = stopped
try:
    driver.release()
finally:
    stops.stopping()
"""


def test_a_driver_that_is_stopped_while_it_leaves_leaves_nothing_behind(folder: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_LEAVING],
        capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.returncode == 143, found.stderr
    assert not held(client_at(Store().uri))


def take_over(store: Store) -> None:
    """What another process does with the tags of one that it takes for dead."""
    for key in held(client_at(store.uri)):
        store.client.raw.delete_experiment_tag(store.experiment_id, key)


def test_a_driver_that_was_taken_over_leaves_the_runs_to_the_other(folder: Path) -> None:
    store = Store()
    driver = Driver(store, "c").acquire()
    run = store.create("a", {}, kind="train")
    take_over(store)
    with pytest.raises(CampaignBusy, match="was taken over"):
        driver.check(failed=True)
    driver.release()
    assert store.client.raw.get_run(run.id).info.status == "RUNNING"


def test_a_run_of_a_driver_that_nobody_can_read_stands_until_it_was_silent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al.tracking import driver

    monkeypatch.setattr(driver, "LEASE", 0.5)
    store = Store()
    for key in ("al.driver.c.damaged", "al.drives.c.damaged"):
        store.client.set_experiment_tag(store.experiment_id, key, "?")
    Driver(Store(), "c").acquire().release()
    assert not held(client_at(store.uri))


def test_a_sign_of_life_that_comes_late_gives_no_right_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al.tracking import driver

    monkeypatch.setattr(driver, "BEAT", 0.1)
    store = Store()
    first = Driver(store, "c").acquire()
    take_over(store)
    until(lambda: "al.beat." in str(store.client.raw.get_experiment(store.experiment_id).tags))
    with pytest.raises(CampaignBusy, match="was taken over"):
        first.check(failed=True)
    second = Driver(Store(), "c").acquire()  # what is left of the first is no driver
    first.release()
    second.check(failed=True)
    second.release()
    assert not held(client_at(store.uri))


def test_a_driver_is_no_run_and_comes_back_with_no_experiment(folder: Path) -> None:
    store = Store()
    client = client_at(store.uri)
    driver = Driver(store, "c").acquire()
    assert not client.search_runs([store.experiment_id])
    driver.release()
    client.delete_experiment(store.experiment_id)  # MLflow restores all runs with it
    client.restore_experiment(store.experiment_id)
    Driver(Store(), "c").acquire().release()


def test_a_campaign_is_held_by_its_own_drivers_alone(folder: Path) -> None:
    long = Driver(Store(), "c.other").acquire()
    Driver(Store(), "c").acquire().release()
    with pytest.raises(CampaignBusy):
        Driver(Store(), "c.other").acquire()
    long.release()
