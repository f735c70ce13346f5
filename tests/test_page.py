"""The page's files and its server; in a real browser, see tests/test_page_browser.py."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from al.annotators.page import Page
from al.annotators.page.log import AnswerLog, Suggestion
from al.annotators.page.server import LASTING
from al.contracts import SECOND, Query
from al.errors import ConfigError, DataError
from tests.page_process import page
from tests.stores import runs, table

Make = Callable[..., Any]
A, B = ("a", False), ("b", False)


# -- the files


def test_answers_are_kept_undone_and_counted_once(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path)
    log.ask([A, B])
    log.ask([B, A])
    assert log.queries() == [[A, B]]
    for _ in range(2):  # the page sends again what it did not hear of
        log.answer(A, "cat", "anna", 1.0, skip=False)
    log.answer(B, None, "anna", None, skip=True)
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 2
    assert log.last_of("anna") == log.answers()[B]["anna"]
    assert not log.undo(A, "anna")  # not the last one
    log.undo(B, "anna")
    log.undo(B, "anna")
    assert list(log.answers()) == [A]
    assert log.answers()[A]["anna"].label == "cat"


def test_of_a_correction_that_is_taken_back_what_was_said_before_counts_again(
    tmp_path: Path,
) -> None:
    log = AnswerLog(tmp_path)
    for key, label in ((A, "cat"), (B, "dog"), (A, "cow"), (A, "elk")):
        log.answer(key, label, "anna", 1.0, skip=False)
    log.answer(A, "hen", "ben", 1.0, skip=False)

    def stands() -> tuple[str | None, ...]:
        posted = [log.answers().get(key, {}).get("anna") for key in (A, B)]
        assert posted == [AnswerLog(tmp_path).answers().get(key, {}).get("anna") for key in (A, B)]
        return tuple(None if one is None else str(one.label) for one in posted)

    assert log.undo(A, "anna", line=3)
    assert not log.undo(A, "anna", line=3)  # told twice, it is taken back once
    assert stands() == ("cow", "dog")
    assert log.undo(A, "anna")
    assert stands() == ("cat", "dog")
    assert list(log.answers()[A]) == ["anna", "ben"]  # who was first stays the first
    assert log.undo(B, "anna")
    assert stands() == ("cat", None)
    assert log.undo(A, "anna")
    assert log.last_of("anna") is None
    assert stands() == (None, None)


def test_an_undo_that_two_processes_wrote_down_takes_one_answer_back(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path)
    for label in ("cat", "cow"):
        log.answer(A, label, "anna", 1.0, skip=False)
    assert log.undo(A, "anna")
    lines = (tmp_path / "answers.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "answers.jsonl").write_text("".join([*lines, lines[-1]]))
    assert AnswerLog(tmp_path).answers()[A]["anna"].label == "cat"


def test_what_was_undone_when_that_took_all_back_stays_undone(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path)
    for label in ("cat", "cow"):
        log.answer(A, label, "anna", 1.0, skip=False)
    line = {"id": "a", "again": False, "undo": True, "annotator": "anna", "at": ""}
    with (tmp_path / "answers.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    assert log.answers() == {}


def test_what_was_withdrawn_is_shown_no_more_and_places_stay(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path)
    log.ask([A, B])
    log.withdraw(["a", "zzz"])
    assert (log.queries(), log.ever_asked()) == ([[B]], [A, B])


def test_a_sample_that_is_asked_about_again_shows_the_guess_of_that_time_or_none(
    tmp_path: Path,
) -> None:
    log = AnswerLog(tmp_path)
    old, new = (Suggestion(label, 0.9, ((label, 0.9),), "models:/m/1") for label in ("cat", "dog"))
    log.ask([A, B], {A: old, B: old})
    log.withdraw(["a", "b"])
    log.ask([A, B], {B: new})  # A counts in an estimate now
    assert log.suggestions() == {B: new}
    log.withdraw(["b"])
    log.ask([B])
    assert log.suggestions() == {}


@settings(max_examples=30, deadline=None)
@given(length=st.integers(0, 400))
def test_a_file_cut_off_anywhere_keeps_every_answer_before_and_takes_the_next(
    length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = AnswerLog(tmp_path_factory.mktemp("log"))
    keys = [(f"sample {number}", False) for number in range(4)]
    ends = []
    path = log.folder / "answers.jsonl"
    for key in keys:
        log.answer(key, "ä", "anna", 1.0, skip=False)
        ends.append(path.stat().st_size)
    path.write_bytes(path.read_bytes()[:length])
    whole = [key for key, end in zip(keys, ends, strict=True) if end <= length]
    assert list(log.answers()) == whole
    log.answer(("new", False), "x", "anna", 1.0, skip=False)
    assert list(log.answers()) == [*whole, ("new", False)]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(DataError, match=r"answers\.jsonl lacks 'again' in a line: restore it"):
        AnswerLog(tmp_path).answers()
    (tmp_path / "answers.jsonl").write_text("what\n")
    with pytest.raises(DataError, match="is damaged in line 1"):
        AnswerLog(tmp_path).answers()


# -- the annotator


def test_several_people_are_votes_the_first_counts_and_edits_are_revised(tmp_path: Path) -> None:
    desk, query = page(str(tmp_path), "digits")
    one, two = query.ids[:2]
    desk.log.answer((one, False), "1", "anna", 2.0, skip=False)
    desk.log.answer((one, False), "7", "bob", 3.0, skip=False)
    desk.log.answer((two, False), None, "bob", 3.0, skip=True)
    found = desk.collect(query)
    assert [(a.label, a.annotator, a.seconds) for a in found.answered] == [("1", "anna", 2.0)]
    assert [a.annotator for a in found.votes] == ["anna", "bob"]
    assert (found.skipped, len(found.waiting)) == ((two,), 3)
    desk.log.answer((one, False), "4", "anna", 2.0, skip=False)
    desk.log.answer((two, False), "5", "bob", 2.0, skip=False)
    assert {a.id: a.label for a in desk.revised({one: "1", two: None})} == {one: "4", two: "5"}


def test_a_second_opinion_is_asked_for_once_more(tmp_path: Path) -> None:
    desk, query = page(str(tmp_path), "digits")
    id = query.ids[0]
    desk.log.answer((id, False), "1", "anna", 2.0, skip=False)
    again = Query((id,), (0.0,), (SECOND,), (None,), "margin", "none")
    desk.request(again)
    assert desk.collect(again).waiting == (id,)
    desk.log.answer((id, True), "2", "bob", 2.0, skip=False)
    assert desk.collect(again).answered[0].label == "2"
    assert desk.revised({id: "2"}) == ()


@pytest.mark.parametrize("port", ["x", "70000", "-1"])
def test_a_wrong_port_is_refused(port: str) -> None:
    desk, _ = page("/tmp/nowhere-al", "several", 0)
    with pytest.raises(ConfigError, match="port="):
        Page(desk.data, "c", {"port": port})


# -- the server


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Page]:
    desk, _ = page(str(tmp_path), "digits")
    with desk.attending():
        yield desk


def posted(desk: Page, what: str = "answer", **more: Any) -> requests.Response:
    body = {"place": 0, "label": "3", "name": "anna", "seconds": 1.5, **more}
    return requests.post(desk.where + what, json=body, timeout=10)


def test_an_answer_is_on_disk_before_the_next_sample_shows(served: Page) -> None:
    found = posted(served).json()
    assert (found["item"]["place"], found["done"], found["left"]) == (1, 1, 4)
    assert found["undo"] == {"place": 0, "line": 0, "leaves": None}
    assert len((served.log.folder / "answers.jsonl").read_text().splitlines()) == 1
    assert requests.get(served.where + "state", timeout=10).json()["undo"] is None
    image = requests.get(served.where + "image/1", timeout=10)
    assert image.content.startswith(b"\x89PNG")
    assert image.headers["X-Content-Type-Options"] == "nosniff"


def test_a_correction_is_taken_back_once_and_the_tab_keeps_its_sample(served: Page) -> None:
    for place, label in ((0, "3"), (1, "5"), (0, "4")):
        found = posted(served, place=place, label=label).json()
    assert found["undo"] == {"place": 0, "line": 2, "leaves": "3"}
    for _ in range(2):  # the page sends again what it did not hear of
        found = posted(served, "undo", **found["undo"]).json() | {"undo": found["undo"]}
        assert (found["item"]["place"], found["done"]) == (2, 2)
    labels = [posted["anna"].label for posted in served.log.answers().values()]
    assert labels == ["3", "5"]


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        ({"label": "eleven"}, 422, "'eleven' is not a class"),
        ({"label": None}, 422, "is not a class"),
        ({"label": {"a": 1}}, 422, "is not a class"),
        ({"place": 99}, 400, "no such sample"),
        ({"place": -1}, 400, "no such sample"),
        ({"place": "../../etc/passwd"}, 400, "no such sample"),
        ({"place": True}, 400, "no such sample"),
        ({"name": " "}, 400, "who are you"),
        ({"name": 3}, 400, "who are you"),
    ],
)
def test_what_is_no_answer_is_refused_and_nothing_is_kept(
    served: Page, more: dict[str, Any], code: int, says: str
) -> None:
    found = posted(served, **more)
    assert (found.status_code, says in found.json()["error"]) == (code, True)
    assert not (served.log.folder / "answers.jsonl").exists()


def test_a_class_that_nobody_knew_is_taken_where_the_task_may_grow(tmp_path: Path) -> None:
    desk, query = page(str(tmp_path), "digits")
    desk.new_classes = "grow"
    with desk.attending():
        for wrong in (" ", "x" * 81, None, {"a": 1}):
            assert posted(desk, label=wrong).status_code == 422
        found = posted(desk, label=" a  bird ").json()
        assert found["classes"][-2:] == ["9", "a bird"]
        posted(desk, place=1, label="A Bird")  # the same one
        posted(desk, place=2, label="slip")
        taken_back = posted(desk, "undo", place=2).json()
        assert taken_back["classes"] == found["classes"]
        assert requests.get(desk.where + "task", timeout=10).json()["grows"]
    answered = desk.collect(query).answered
    assert [answer.label for answer in answered] == ["a bird", "a bird"]


@pytest.mark.parametrize("seconds", [None, "x", -1, float("1e400"), True])
def test_a_wrong_time_is_no_reason_to_lose_an_answer(served: Page, seconds: Any) -> None:
    body = json.dumps({"place": 0, "label": "3", "name": "anna", "seconds": seconds})
    head = {"Content-Type": "application/json"}
    answer = requests.post(served.where + "answer", data=body, headers=head, timeout=10)
    assert answer.ok


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda url, head: (url.replace("/state", "x/state"), head), 404),
        (lambda url, head: (url.rsplit("/", 2)[0] + "/", head), 404),
        (lambda url, head: (url.rsplit("/", 2)[0] + "//state", head), 404),
        (lambda url, head: (url.replace("/state", "/image/../../etc/passwd"), head), 404),
        (lambda url, head: (url.replace("/state", "/image/999"), head), 400),
        (lambda url, head: (url, {"Host": "evil.example"}), 403),
        (lambda url, head: (url, {"Host": "127.0.0.1:1"}), 403),
        (lambda url, head: (url, {"Host": "localhost:" + url.split(":")[2].split("/")[0]}), 200),
    ],
)
def test_who_lacks_the_token_or_comes_from_elsewhere_sees_nothing(
    served: Page, change: Any, code: int
) -> None:
    url, head = change(served.where + "state", {})
    assert requests.get(url, headers=head, timeout=10).status_code == code


def test_another_site_cannot_answer(served: Page) -> None:
    body = {"place": 0, "label": "3", "name": "anna"}
    for kind, head in [("json", {"Origin": "http://evil.example"}), ("data", {})]:
        answer = requests.post(served.where + "answer", headers=head, timeout=10, **{kind: body})
        assert answer.status_code == 403
    assert not (served.log.folder / "answers.jsonl").exists()


def test_the_page_runs_no_script_but_its_own(served: Page) -> None:
    page = requests.get(served.where, timeout=10)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<style" not in page.text
    assert requests.get(served.where + "static/page.js", timeout=10).ok
    for elsewhere in ("static/../app.py", "static/nosuch.js", "static/%2e%2e/desk.py"):
        assert requests.get(served.where + elsewhere, timeout=10).status_code == 404


def test_only_this_machine_is_listened_to_and_the_address_is_private(served: Page) -> None:
    port = int(served.where.split(":")[2].split("/")[0])
    kept = served.log.folder / ".page.json"
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600
    assert not stat.S_IMODE(os.stat(served.log.folder / "asked.jsonl").st_mode) & 0o007
    with socket.socket() as other:
        other.settimeout(2)
        address = next(
            (a[4][0] for a in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)),
            "127.0.0.1",
        )
        if not address.startswith("127."):
            with pytest.raises(OSError, match=r"refused|timed out"):
                other.connect((address, port))
    assert served.where.startswith("http://127.0.0.1:")


def test_a_second_server_is_refused_and_a_restart_has_the_same_address(tmp_path: Path) -> None:
    desk, _ = page(str(tmp_path), "digits")
    other, _ = page(str(tmp_path), "digits")
    with desk.attending():
        first = desk.where
        assert int(first.split(":")[2].split("/")[0]) in LASTING
        with pytest.raises(ConfigError, match="is served by another process: use that, or stop"):
            other.serve()
        where = other.where
        with other.attending():  # who waits for answers needs none of its own
            assert other.where == where
    with other.attending():
        assert other.where == first
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        taken = Page(desk.data, "d", {"folder": str(tmp_path), "port": str(door.getsockname()[1])})
        with pytest.raises(ConfigError, match="is taken: give another port"), taken.attending():
            pass


# -- in a campaign


def test_a_campaign_serves_the_page_while_it_waits_and_tells_nobody_the_token(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    address = folder / "annotate" / "c" / ".page.json"

    def person() -> None:
        while not address.exists():
            time.sleep(0.05)
        kept = json.loads(address.read_text())
        url = f"http://127.0.0.1:{kept['port']}/{kept['token']}/"
        for _ in range(30):
            item = requests.get(url + "state?name=anna", timeout=10).json()["item"]
            body = {"place": item["place"], "label": "1", "name": "anna", "seconds": 2}
            requests.post(url + "answer", json=body, timeout=10)

    worker = threading.Thread(target=person)
    worker.start()
    campaign(campaign="c", annotator="page", cycles=1, epochs=1, wait="5m").run()
    worker.join()
    token = json.loads(address.read_text())["token"]
    out = caplog.text
    assert "waiting for answers, at http://127.0.0.1:" in out
    (cycle,) = runs(client, role="cycle")
    labels = table(client, cycle, "state/labels.parquet")
    assert set(labels["annotator"]) == {"anna"}
    assert cycle.data.metrics["cycle/annotation_seconds"] == 60.0
    worked = float(out.partition("cycle  1/1")[2].partition("\n")[0].rpartition("  ")[2][:-2])
    assert worked + 0.9 < cycle.data.metrics["cycle/seconds"]  # it looks again after a second
    (top,) = runs(client, role="campaign")
    curve = client.get_metric_history(top.info.run_id, "by_seconds/accuracy")
    assert [point.step for point in curve] == [60]
    for run in runs(client, campaign="c"):
        assert token not in str({**run.data.tags, **run.data.params})
    held = [p for p in (folder / "artifacts").rglob("*") if p.is_file()]
    assert not [p for p in held if token.encode() in p.read_bytes()]


def test_an_annotator_without_a_page_says_where_people_work(campaign: Make, client: Any) -> None:
    with pytest.raises(ConfigError, match="nosuch"):
        campaign(campaign="nosuch").page()
    campaign(campaign="c", cycles=1).run()
    with pytest.raises(ConfigError, match="annotator 'oracle' has no page: people work at"):
        campaign(campaign="c").page()
