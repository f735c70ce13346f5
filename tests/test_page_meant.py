"""The page keeps no answer that nobody gave: what is on disk is what was on the screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from al.annotators.page import Page
from al.contracts import Query
from tests.browser import MISSING, Browser, until
from tests.conftest import ROOT
from tests.page_process import page

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
FUZZ = (ROOT / "tests" / "page_fuzz.js").read_text()
READY = "return document.getElementById('work').dataset.ready"


def arrive(browser: Browser, found: Page) -> None:
    browser.open(found.where)
    browser.run("localStorage.clear(); localStorage.setItem('annotator', 'anna')")
    browser.reload()
    until(lambda: browser.run(READY))


def answered(folder: Path, query: Query) -> list[Any]:
    """What is on disk, line by line: the place, and label, "skip" or "undo"."""
    lines = map(json.loads, (folder / "answers.jsonl").read_text().splitlines())
    return [
        (query.ids.index(line["id"]), line.get("label", "undo" if "undo" in line else "skip"))
        for line in lines
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "by", "events"), [("digits", "keys", 7000), ("texts", "typing", 3000)]
)
def test_ten_thousand_fast_random_events_leave_no_label_that_was_not_meant(
    kind: str, by: str, events: int, browser: Browser, tmp_path: Path
) -> None:
    found, query = page(str(tmp_path), kind, asked=400)
    with found.attending():
        arrive(browser, found)
        for start in range(0, events, 500):
            heard = browser.run(FUZZ, start + 1, by, 500)
        assert heard["wrong"] == []
        assert heard["events"] == events
        until(lambda: browser.run(READY))
        posts = browser.run(FUZZ, 0, by, 0)["posts"]
    seen = [query.ids[post["body"]["place"]] if kind == "texts"
            else "image/{place}?drawn={drawn}".format_map({"drawn": "", **post["body"]})
            for post in posts]  # fmt: skip
    assert [post["seen"] for post in posts if post["path"] == "answer"] == [
        name for name, post in zip(seen, posts, strict=True) if post["path"] == "answer"
    ]
    kept = [
        (post["body"]["place"], "undo" if post["path"] == "undo"
         else "skip" if post["body"].get("skip") else post["body"]["label"])
        for post in posts
        if post["ok"]
    ]  # fmt: skip
    assert answered(tmp_path, query) == kept
    assert len(kept) > events / 150
    assert heard["refused"] > len(kept)


def test_keys_that_come_while_an_answer_is_on_its_way_are_refused_and_it_is_reported(
    browser: Browser, tmp_path: Path
) -> None:
    found, query = page(str(tmp_path), "digits")
    with found.attending():
        arrive(browser, found)
        browser.press("5", "6", "7")
        until(lambda: browser.text("#count") == "1 of 5")
        answered = browser.text("#said")  # some may come when 5 is kept and the next not yet seen
        assert "Not taken: " in answered
        assert "too early" in answered or "had not been seen" in answered
        until(lambda: browser.run(READY))
        browser.press("8")
        until(lambda: browser.text("#count") == "2 of 5")
    answers = found.collect(query).answered
    assert [answer.label for answer in answers] == ["5", "8"]
    assert all(answer.seconds and answer.seconds > 0.1 for answer in answers)


@pytest.mark.slow
def test_a_double_click_answers_one_sample(browser: Browser, tmp_path: Path) -> None:
    found, query = page(str(tmp_path), "digits")
    with found.attending():
        arrive(browser, found)
        browser.run(
            "const b = () => document.querySelector('#choices button:nth-child(4)').click();"
            "const ready = () => document.getElementById('work').dataset.ready;"
            "b(); return new Promise((go) => { const look = () => "
            "ready() === '1' ? go(b()) : requestAnimationFrame(look); look(); })"
        )
        until(lambda: "double click" in browser.text("#said"))
    assert [answer.label for answer in found.collect(query).answered] == ["3"]


@pytest.mark.slow
def test_a_page_that_nobody_sees_takes_no_answer(browser: Browser, tmp_path: Path) -> None:
    found, query = page(str(tmp_path), "digits")
    with found.attending():
        arrive(browser, found)
        browser.run(
            "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        browser.press("5")
        assert "had not been seen" in browser.text("#said")
        browser.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        until(lambda: browser.run(READY))
        browser.press("6")
        until(lambda: browser.text("#count") == "1 of 5")
    assert [answer.label for answer in found.collect(query).answered] == ["6"]
