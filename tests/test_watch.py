from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from al.errors import ConfigError
from al.pipeline.spans import span
from al.pipeline.watch import Reasons, keep_watch
from tests.conftest import ROOT, SMALL
from tests.stores import client_at, held, runs
from tests.test_driver import until
from tests.test_living_pool import PARAMETERS, data, write  # noqa: F401 - a fixture
from tests.test_steps import arguments

Make = Callable[..., Any]

DESK = '''
from pathlib import Path
from al.contracts import Annotator, Answer, Answers


class Desk(Annotator):
    """Answers when a file is there."""

    where = "the desk"

    def request(self, query):
        pass

    def collect(self, query):
        if not Path("open").exists():
            return Answers(waiting=query.ids)
        truth = zip(query.ids, self.data.truth(query.ids))
        return Answers(tuple(Answer(id, label, "desk", "2026-01-01") for id, label in truth))
'''


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1.5m", 90), ("8h", 28800), ("2d", 172800)]
)
def test_a_span_of_time_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert span(text, "poll") == seconds


@pytest.mark.parametrize("text", ["", "5", "0s", "-1h", "soon"])
def test_what_is_no_span_of_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a span of time: give 30s"):
        span(text, "poll")
    with pytest.raises(ConfigError, match="is not a whole number"):
        Reasons.from_text("x", "off")


def test_a_decision_is_said_once_and_an_error_is_looked_at_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al.errors import TrackingError

    monkeypatch.setattr(time, "sleep", lambda _: None)
    looks = iter(["no cycle: 9 s to go", "no cycle: 8 s to go", TrackingError("away"), "cycle 2"])

    def look() -> tuple[str, bool]:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found, found == "cycle 2"

    keep_watch(look, 1)
    message = [line.split("  ", 1)[1] for line in caplog.text.splitlines()]
    assert message == ["no cycle: 9 s to go", "error: away", "cycle 2"]


def test_a_watch_runs_cycle_after_cycle_until_a_rule_ends_it(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="c").watch(poll="1s")
    out = caplog.text
    assert "cycle 1 starts" in out
    assert "cycle 2 starts: the one before is closed" in out
    assert "no cycle: cycles=2 are done" in out
    assert len(runs(client, role="cycle")) == 2
    assert not held(client)


def test_new_samples_start_a_cycle(
    data: Path,  # noqa: F811
    campaign: Make,
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    looks = []

    def sleep(_: float) -> None:
        looks.append(len(runs(client, role="cycle")))
        if len(looks) in (2, 3):
            write(300 + len(looks))

    monkeypatch.setattr(time, "sleep", sleep)
    campaign(**PARAMETERS).watch(poll="1s", samples=2)
    assert looks == [1, 1, 1, 2]
    assert "no cycle: 1 of 2 new samples" in caplog.text


def test_a_schedule_starts_a_cycle_when_it_is_time_and_not_before(
    campaign: Make, client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sleep, naps = time.sleep, []

    def two_naps(seconds: float) -> None:
        if seconds != 7:
            sleep(seconds)
            return
        naps.append(seconds)
        if len(naps) == 2:
            raise KeyboardInterrupt  # who watches has seen enough

    monkeypatch.setattr(time, "sleep", two_naps)
    with pytest.raises(KeyboardInterrupt):
        campaign(campaign="c").watch(poll="7s", schedule="1d")
    assert "s to the schedule" in caplog.text
    assert len(runs(client, role="cycle")) == 1
    campaign(campaign="c").watch(poll="1s", schedule="2s")
    assert "cycle 2 starts: 2 s have passed" in caplog.text
    starts = [run.info.start_time for run in runs(client, role="cycle")]
    assert starts[1] - starts[0] >= 2000


@pytest.mark.slow
def test_a_watch_waits_for_answers_without_a_trace_and_stops_at_a_signal(folder: Path) -> None:
    (folder / "my_code.py").write_text(DESK)
    given = {**SMALL, "campaign": "c", "annotator": "my_code:Desk", "poll": "1s"}
    watch = subprocess.Popen(
        [sys.executable, "-m", "steps.watch", *arguments(**given)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    client = client_at(f"sqlite:///{folder}/mlflow.db")
    until(lambda: bool(runs(client, step="annotate")))
    time.sleep(4)
    assert not held(client)
    (folder / "open").touch()
    until(lambda: len(runs(client, step="train")) == 1)
    until(lambda: len(runs(client, role="cycle")) == 2)
    watch.send_signal(signal.SIGTERM)
    out, _ = watch.communicate(timeout=60)
    assert watch.returncode in (0, 143), out
    assert "cycle 1 waits: 0 of 30 answered, at the desk" in out
    assert "Traceback" not in out
