"""The page in a real browser: label, skip, undo, reload, killed server; no answer is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import MISSING, Browser, until
from tests.conftest import ROOT
from tests.page_process import NASTY, page

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts the page's process; the address is in `.page.json`."""
    running: list[subprocess.Popen[str]] = []

    def start(kind: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.page_process", str(tmp_path), kind],
            cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        assert "open http://127.0.0.1:" in process.stdout.readline()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]


def url(folder: Path) -> str:
    kept = json.loads((folder / ".page.json").read_text())
    return f"http://127.0.0.1:{kept['port']}/{kept['token']}/"


def answers(folder: Path, kind: str) -> list[Any]:
    """What the pipeline collects: (label or "skip" or None) of each sample."""
    found, query = page(str(folder), kind)
    heard = found.collect(query)
    labels = {answer.id: answer.label for answer in heard.answered}
    return [labels.get(id, "skip" if id in heard.skipped else None) for id in query.ids]


def arrive(browser: Browser, folder: Path) -> None:
    """Open the page and say who we are."""
    browser.open(url(folder))
    browser.run("localStorage.clear()")
    browser.reload()
    until(lambda: browser.sees("#hello"))
    browser.press(*"Änna", "Enter")
    until(lambda: browser.sees("#work"))


def progress(browser: Browser) -> str:
    return browser.text("#count")


def test_label_skip_undo_reload_and_a_killed_server_lose_nothing(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    server = serve("digits")
    arrive(browser, tmp_path)
    until(lambda: browser.run("return document.images[0]?.complete"))
    assert browser.run("return getComputedStyle(document.images[0]).imageRendering") == "pixelated"
    assert browser.run("return document.images[0].width % 8") == 0
    assert progress(browser) == "0 of 5"
    browser.press("7")
    until(lambda: progress(browser) == "1 of 5")
    browser.press("Escape")
    until(lambda: progress(browser) == "2 of 5")
    browser.press("3")
    until(lambda: progress(browser) == "3 of 5")
    assert answers(tmp_path, "digits") == ["7", "skip", "3", None, None]
    browser.press("Backspace")
    until(lambda: progress(browser) == "2 of 5")
    assert answers(tmp_path, "digits") == ["7", "skip", None, None, None]
    browser.reload()
    until(lambda: browser.sees("#work"))
    assert progress(browser) == "2 of 5"
    browser.press("4")
    until(lambda: progress(browser) == "3 of 5")

    server.kill()
    server.wait()
    browser.press("5")
    until(lambda: browser.sees("#trouble"))
    assert "is sent again until it is kept" in browser.text("#trouble")
    assert answers(tmp_path, "digits") == ["7", "skip", "4", None, None]
    server = serve("digits")
    until(lambda: progress(browser) == "4 of 5")
    assert not browser.sees("#trouble")
    browser.click("#choices button:nth-child(10)")
    until(lambda: browser.sees("#over"))
    assert browser.text("#over-title") == "All 5 answered"
    assert answers(tmp_path, "digits") == ["7", "skip", "4", "5", "9"]
    browser.press("Backspace")
    until(lambda: browser.sees("#work"))
    browser.press("8")
    until(lambda: browser.sees("#over"))
    browser.press("Enter")
    until(lambda: browser.sees("#closed"))
    assert server.wait(20) == 0
    assert answers(tmp_path, "digits") == ["7", "skip", "4", "5", "8"]
    found, query = page(str(tmp_path), "digits")
    heard = found.collect(query).answered
    assert {answer.annotator for answer in heard} == {"Änna"}
    assert all(0 < answer.seconds < 60 for answer in heard)  # type: ignore[operator]


def test_many_classes_are_found_by_typing_and_text_is_never_markup(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("many")
    arrive(browser, tmp_path)
    assert browser.text("#sample p") == NASTY
    assert browser.run("return document.images.length") == 0
    assert "Annotate" in browser.run("return document.title")
    assert browser.run("return document.querySelectorAll('#choices button').length") == 77
    browser.press(*"card arr")
    assert browser.text("#choices").endswith("card_arrival")
    browser.press("Enter")
    until(lambda: progress(browser) == "1 of 5")
    browser.press(*"class_a", "ArrowDown", "Enter")
    until(lambda: progress(browser) == "2 of 5")
    browser.press("3")
    until(lambda: progress(browser) == "3 of 5")
    browser.press("x", "Backspace", "Backspace")
    until(lambda: progress(browser) == "2 of 5")
    assert answers(tmp_path, "many") == ["card_arrival", "class_ab", None, None, None]


def test_several_classes_a_sample_are_marked_and_kept(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("several")
    arrive(browser, tmp_path)
    browser.press("1", "2", "3", "1")
    assert browser.text("#choices button[aria-pressed=true]").endswith("red")
    browser.press("Enter")
    until(lambda: progress(browser) == "1 of 5")
    browser.press("Enter")
    until(lambda: progress(browser) == "2 of 5")
    assert answers(tmp_path, "several") == [["old", "red"], [], None, None, None]


def test_a_number_is_typed(browser: Browser, serve: Serve, tmp_path: Path) -> None:
    serve("numbers")
    arrive(browser, tmp_path)
    browser.press(*"1x", "Enter")
    until(lambda: browser.sees("#trouble"))
    browser.press("Backspace", *",5", "Enter")
    until(lambda: progress(browser) == "1 of 5")
    assert answers(tmp_path, "numbers")[0] == 1.5


def test_who_finds_none_of_the_classes_names_another(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("several+")
    arrive(browser, tmp_path)
    browser.press("2")
    browser.click("#other-name")
    browser.press(*"big 1", "Enter")  # the keys of classes are letters there
    assert browser.text("#choices").splitlines()[:4] == ["1wet", "2red", "3old", "4big 1"]
    browser.click("#choices .primary")
    until(lambda: progress(browser) == "1 of 5")
    browser.press("4", "Enter")
    until(lambda: progress(browser) == "2 of 5")
    assert answers(tmp_path, "several+") == [["big 1", "red"], ["big 1"], None, None, None]
