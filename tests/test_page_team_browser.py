"""Three people at the page in a real browser, by links of their own; the server is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.browser import MISSING, Browser, until
from tests.conftest import ROOT
from tests.page_process import page
from tests.team import kept_lines

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]
ASKED = 8


def start(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.page_process", str(folder), "digits", str(ASKED)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert "http://127.0.0.1:" in process.stdout.readline()
    return process


def seen(browser: Browser) -> str:
    """The place on the screen, where it was seen there."""
    return str(browser.run("return document.getElementById('work').dataset.ready || ''"))


def shown(browser: Browser) -> int:
    """The place on the screen, once it was seen there."""
    until(lambda: seen(browser).isdecimal(), 60)
    return int(seen(browser))


def test_three_people_get_other_samples_and_a_killed_server_and_a_closed_tab_lose_none(
    tmp_path: Path,
) -> None:
    found, _ = page(str(tmp_path), "digits", ASKED)
    server = start(tmp_path)
    browser = Browser(tmp_path / "profile")
    try:
        people = {name: browser.window(found.invite(name)) for name in ("anna", "ben", "cleo")}
        places = {}
        for name, window in people.items():
            browser.turn_to(window)
            places[name] = shown(browser)
            assert not browser.sees("#hello")  # the link says who it is
            assert browser.text("#who") == name
        assert sorted(places.values()) == [0, 1, 2]

        browser.turn_to(people["anna"])
        browser.press("1")
        until(lambda: seen(browser) == "3")
        server.kill()
        server.wait()
        browser.turn_to(people["ben"])
        browser.press("2")
        until(lambda: browser.sees("#trouble"))
        server = start(tmp_path)
        until(lambda: not browser.sees("#trouble"))
        until(lambda: seen(browser) not in ("1", ""))

        browser.turn_to(people["anna"])
        browser.reload()
        shown(browser)
        browser.turn_to(people["cleo"])
        assert shown(browser) == 2
        browser.close_window()
        browser.turn_to(people["ben"])
        while browser.sees("#work"):
            place = shown(browser)
            browser.press("5")
            until(lambda place=place: not browser.sees("#work") or seen(browser) != str(place))
            until(lambda: not browser.sees("#work") or seen(browser).isdecimal())
        assert browser.text("#over-title") == "Nothing for you now"
        assert "what they leave comes here by itself" in browser.text("#over-note")
        browser.turn_to(people["anna"])
        browser.press("4")
        until(lambda: browser.sees("#over"))
        until(lambda: browser.text("#over-title") == f"All {ASKED} answered")
        browser.turn_to(people["ben"])
        until(lambda: browser.text("#over-title") == f"All {ASKED} answered")
        assert browser.text("#over-note").startswith("The campaign goes on by itself")

        found.revoke("ben")
        browser.reload()
        assert browser.run("return document.body.innerText").startswith("this link is not valid")
    finally:
        browser.close()
        server.kill()
        server.wait()
    lines = kept_lines(tmp_path)
    assert Counter(line["id"] for line in lines) == dict.fromkeys((line["id"] for line in lines), 1)
    assert len(lines) == ASKED
    by = {json.dumps(line["annotator"]): line["label"] for line in lines}
    assert by == {'"anna"': "4", '"ben"': "5"}


def test_the_reviewer_sees_what_people_said_and_decides(tmp_path: Path) -> None:
    from al.annotators.page import Page

    first, query = page(str(tmp_path), "digits", 2)
    options = {"folder": str(tmp_path), "overlap": "2", "reviewer": "rita"}
    found = Page(first.data, "c", options)
    for id, labels in zip(query.ids, ("11", "17"), strict=True):
        for who, label in zip(("anna", "ben"), labels, strict=True):
            found.log.answer((id, False), label, who, 1.0, skip=False)
    rita = found.invite("rita")
    browser = Browser(tmp_path / "profile")
    try:
        with found.attending():
            browser.open(rita)
            assert shown(browser) == 1
            assert browser.text("#votes") == "People disagree: anna said 1; ben said 7."
            browser.press("7")
            until(lambda: browser.text("#over-title") == "All 2 answered")
            anna = found.invite("anna")
            browser.open(anna)
            until(lambda: browser.sees("#over"))
    finally:
        browser.close()
    assert {a.id: a.label for a in found.collect(query).answered} == dict(
        zip(query.ids, "17", strict=True)
    )
