"""What people are told of a campaign, and that its address stays a secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import al
from al.config import Config
from al.errors import AlError, ConfigError, DataError
from al.pipeline import notices
from al.pipeline.notices import Event, Notices, address
from al.tracking import Run, Store
from tests.person import TINY, rows
from tests.stores import runs
from tests.webhook import Webhook

EVENT = Event("promoted", "v1", "v1 is in Production", {"version": 1})
GIVEN = {**TINY, "notify": "env:HOOK", "strategy": "margin", "cold_start": "random"}


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    made = Webhook()
    monkeypatch.setenv("HOOK", made.url)
    monkeypatch.setattr(notices, "PAUSES", (0.01, 0.01))
    yield made
    made.stop()


def made(run: Run) -> Notices:
    return Notices(Config(campaign="c", notify="env:HOOK"), run)


@pytest.fixture
def run(folder: Path) -> Run:
    return Store().create("c", {}, kind="main")


def tell(run: Run, *events: Event) -> None:
    sender = made(run)
    for event in events:
        sender.tell(run, event)
    sender.close()


@pytest.mark.parametrize(
    ("notify", "says"),
    [
        ("https://hooks.example/s3cr3t", "not env:NAME"),
        ("env:", "not env:NAME"),
        ("env:NOWHERE", "NOWHERE is not set"),
        ("env:HOOK", "holds no http"),
    ],
)
def test_an_address_is_named_by_a_variable_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, notify: str, says: str
) -> None:
    monkeypatch.setenv("HOOK", "ftp://s3cr3t")
    with pytest.raises(ConfigError, match=says) as refused:
        address(notify)
    assert "s3cr3t" not in str(refused.value)
    assert address("none") is None


def test_an_event_is_reported_once_by_this_and_by_later_commands(hook: Webhook, run: Run) -> None:
    tell(run, EVENT, EVENT)
    again = Store().get(run.id)
    tell(again, EVENT, Event("promoted", "v2", "v2 is in Production"))
    assert [body["text"] for body in hook.received] == [
        "c: v1 is in Production",
        "c: v2 is in Production",
    ]
    first = hook.received[0]
    assert (first["event"], first["campaign"], first["version"]) == ("promoted", "c", 1)
    assert first["id"] != hook.received[1]["id"]


def test_a_place_that_is_away_for_a_moment_is_tried_again(hook: Webhook, run: Run) -> None:
    hook.statuses = [503, 429]
    tell(run, EVENT)
    assert (hook.kinds(), hook.tries) == (["promoted"], 3)


@pytest.mark.parametrize("trouble", ["refuses", "fails", "gone", "hangs"])
def test_a_place_that_stays_away_costs_a_line_and_little_time(
    hook: Webhook,
    run: Run,
    trouble: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook.statuses = {"refuses": [404] * 9, "fails": [500] * 9}.get(trouble, [])
    if trouble == "gone":
        hook.stop()
        monkeypatch.setattr(hook, "stop", lambda: None)
    if trouble == "hangs":
        hook.delay = 2.0
        monkeypatch.setattr(notices, "PATIENCE", 0.3)
    begun = time.monotonic()
    with caplog.at_level(logging.DEBUG, logger="al"):
        tell(run, EVENT, Event("kpi", "cycle 1", "missed"))
    assert time.monotonic() - begun < 1.5
    assert not hook.received
    assert hook.tries <= {"refuses": 2, "fails": 6, "gone": 0, "hangs": 1}[trouble]
    assert caplog.text.count("the campaign goes on, check it") == 1
    assert "s3cr3t" not in caplog.text
    assert "al.told.promoted" not in Store().get(run.id).tags  # a later command tells it


def test_a_campaign_tells_what_happens_once_and_keeps_the_address_to_itself(
    folder: Path,
    client: Any,
    hook: Webhook,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows(90).to_csv(folder / "rows.csv", index=False)
    al.Campaign(**{**GIVEN, "cycles": 1}).run()
    assert hook.kinds() == ["promoted", "ended"]
    assert "v1 of c is in Production" in hook.received[0]["text"]
    assert "the campaign has ended: cycles=1 are done (4 labels" in hook.received[1]["text"]
    al.Campaign(campaign="c").run()  # is finished, as it was
    assert len(hook.received) == 2

    al.Campaign(campaign="c", kpi="1", promote="ask", compare="plain").cycle()
    assert [kind for kind in hook.kinds()[2:] if kind != "drift"] == ["kpi", "approval"]
    assert "waits for approval in Staging" in hook.received[-1]["text"]

    (folder / "rows.csv").rename(folder / "away.csv")
    for _ in range(2):
        with pytest.raises(AlError):
            al.Campaign(campaign="c").cycle()
    assert hook.kinds().count("failed") == 1
    assert "cycle 3 failed: " in hook.received[-1]["text"]
    (folder / "away.csv").rename(folder / "rows.csv")

    def broken(*_: Any) -> None:
        raise DataError("a disk is broken: mend it")

    with monkeypatch.context() as patched:
        patched.setattr("al.pipeline.driving.close", broken)
        with pytest.raises(DataError):
            al.Campaign(campaign="c").cycle()
    assert hook.received[-1]["text"] == "c: cycle 3 failed: a disk is broken: mend it"

    monkeypatch.delenv("HOOK")  # on another machine
    al.Campaign(campaign="c").cycle()
    assert "no events are sent for this campaign: notify=env:HOOK: HOOK is not set" in caplog.text
    with pytest.raises(ConfigError, match="HOOK is not set"):
        al.Campaign(campaign="c", notify="env:HOOK").cycle()
    assert "s3cr3t" not in caplog.text
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"s3cr3t" not in path.read_bytes(), path
    assert len({body["id"] for body in hook.received}) == len(hook.received)
    assert runs(client, role="cycle")[2].data.tags["al.done"] == "true"


def test_people_are_told_once_that_answers_are_waited_for(folder: Path, hook: Webhook) -> None:
    frame = rows(90)
    frame.loc[60:, "kind"] = ""  # nobody has labelled these
    frame.to_csv(folder / "rows.csv", index=False)
    given = {**GIVEN, "annotator": "files", "annotator_options": f"folder={folder}/desk"}
    for _ in range(2):
        al.Campaign(**given).cycle()
    assert hook.kinds() == ["waiting"]
    assert "cycle 1 waits for answers: 0 of 4 answered" in hook.received[0]["text"]
