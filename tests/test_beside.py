"""A page that watches its campaign: two processes, of which either may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from al.annotators.page.at_work import AtWork
from al.errors import ConfigError
from al.pipeline.beside import Beside
from tests.conftest import ROOT, SMALL
from tests.page_process import page
from tests.stores import held, runs, table
from tests.team import at_the_page, kept_lines
from tests.test_driver import until
from tests.test_steps import arguments

#: Cycles that take a second or two, of few questions.
ASKED = {**SMALL, "campaign": "c", "annotator": "page", "initial_size": 12, "query_size": 6,
         "epochs": 1, "checkpoints": 1, "folds": 0}  # fmt: skip


def test_a_driver_at_work_is_seen_until_it_is_through_or_gone(tmp_path: Path) -> None:
    at_work, seen = AtWork(tmp_path / "new"), AtWork(tmp_path / "new")
    assert not seen.seen()
    with at_work.announced():
        assert seen.seen()
        with AtWork(tmp_path / "new").announced():  # there is another one: it works all the same
            assert seen.seen()
    assert not seen.seen()
    if not (child := os.fork()):
        with at_work.announced():
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert not seen.seen()


def test_a_driver_that_cannot_say_so_works_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with AtWork(tmp_path / "file").announced():
        pass


def test_the_page_says_why_there_is_nothing_to_answer(tmp_path: Path) -> None:
    from al.annotators.page.desk import Desk

    found, _ = page(str(tmp_path), "digits", 2)
    desk = Desk(found.data, "c", found.log)
    assert desk.state("anna", "1")["phase"] == "ask"
    assert desk.state("ben", "1")["phase"] == "ask"
    assert desk.state("cleo", "1")["phase"] == "others"
    with found.at_work():
        assert desk.state("cleo", "1")["phase"] == "learning"
    assert not desk.idle()
    for place in range(2):
        desk.answer({"place": place, "label": "1", "name": "anna"})
    assert desk.idle()
    assert desk.state("anna", "1")["phase"] == "done"
    desk.watched = True
    assert desk.state("anna", "1")["phase"] == "between"
    desk.ended = True
    assert desk.state("anna", "1")["phase"] == "ended"


def test_samples_that_came_meanwhile_are_shown_once_the_data_was_looked_at_again(
    tmp_path: Path,
) -> None:
    from al.annotators.page.desk import Desk

    found, query = page(str(tmp_path), "digits", 3)
    there = set(query.ids[:1])
    looks = []

    class Growing:
        spec = found.data.spec

        def missing(self, ids: Any) -> list[str]:
            return [id for id in ids if id not in there]

        def __getattr__(self, name: str) -> Any:
            return getattr(found.data, name)

    def renew() -> None:
        looks.append(1)
        there.update(query.ids)

    desk = Desk(Growing(), "c", found.log, renew=renew)  # type: ignore[arg-type]
    assert [desk.state(name, "1")["item"]["place"] for name in ("anna", "ben")] == [0, 1]
    assert looks == [1]  # once, and not for each request


def started(folder: Path, log: Path, **more: Any) -> subprocess.Popen[bytes]:
    with open(log, "ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "al", "page", "--watch", *arguments(**{**ASKED, **more})],
            cwd=folder, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip


def drivers(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that watch for that one."""
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


def closed(client: Any) -> int:
    found = runs(client, role="cycle", campaign="c")
    return sum(run.data.tags.get("al.done") == "true" for run in found)


@pytest.mark.slow
def test_whichever_process_is_killed_the_campaign_comes_to_its_end_and_no_answer_is_lost(
    folder: Path, client: Any
) -> None:
    asked, log = folder / "annotate" / "c", folder / "log.txt"
    at_work = {"cycles": 3, "quorum": 0.7}
    process = started(folder, log, **at_work)
    try:
        with at_the_page(asked, ("anna", "ben", "cleo"), pause=0.2) as people:
            until(lambda: closed(client) >= 1, 240)
            (driver,) = drivers(process)
            driver.kill()
            until(lambda: closed(client) >= 2, 240)
            (driver,) = drivers(process)
            process.kill()  # no chance to tell the driver
            process.wait()
            until(lambda: not driver.is_running() or driver.status() == "zombie", 60)
            assert not held(client)
            process = started(folder, log, **at_work)
            until(lambda: process.poll() is not None, 300)
        assert process.returncode == 0, log.read_text()
    finally:
        process.kill()
    assert closed(client) == 3
    assert "the driver was killed by signal 9; another one starts in" in log.read_text()
    lines = kept_lines(asked)
    for member in people:
        mine = [line for line in lines if line["annotator"] == member.called]
        assert len(mine) >= len(member.confirmed) > 0
    assert "learning" in {phase for member in people for phase in member.phases}
    last = max(runs(client, role="cycle", campaign="c"), key=lambda r: int(r.data.tags["al.cycle"]))
    labels = table(client, last, "state/labels.parquet")
    answered = labels[labels["label"].notna()]
    assert set(answered["annotator"]) <= {"anna", "ben", "cleo"}
    # Whoever answered after the last look is heard by the next command.
    assert {line["id"] for line in lines} >= set(answered["id"])
    assert len(answered) >= 0.7 * (12 + 2 * 6)


@pytest.mark.slow
def test_ctrl_c_stops_both_and_other_commands_are_let_in_meanwhile(
    folder: Path, client: Any, campaign: Any
) -> None:
    log = folder / "log.txt"
    process = started(folder, log, cycles=2)
    try:
        until(lambda: (folder / "annotate" / "c" / ".page.json").exists(), 120)
        until(lambda: bool(drivers(process)) and not held(client), 120)
        (driver,) = drivers(process)
        campaign(campaign="c").history()
        campaign(campaign="c").step("annotate")  # which drives the campaign
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 130, log.read_text()
        until(lambda: not driver.is_running(), 90)
    finally:
        process.kill()
    assert "stopped: the same command goes on from here" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert not held(client)


@pytest.mark.slow
def test_a_campaign_that_cannot_begin_is_one_line_and_no_page(folder: Path) -> None:
    process = started(folder, folder / "log.txt", task="nosuch")
    assert process.wait(120) == 1
    lines = (folder / "log.txt").read_text().strip().splitlines()
    assert "unknown task 'nosuch'" in lines[-1] or "nosuch" in lines[-1]
    assert not drivers(process)


@pytest.mark.slow
def test_a_driver_that_fails_before_the_campaign_begins_ends_the_wait() -> None:
    spec = {"of": "al.pipeline.campaign:Campaign", "tracking_uri": None, "experiment": None,
            "given": {"task": "nosuch"}}  # fmt: skip

    def wait(driver: Beside) -> None:
        for _ in range(600):
            driver.begin()
            time.sleep(0.1)

    with Beside(spec) as driver, pytest.raises(ConfigError, match="has not begun: fix the error"):
        wait(driver)
