"""Entities marked on the page in a real browser: what the pipeline collects is what was marked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from al.annotators.page import Page
from al.contracts import Query
from tests.browser import MISSING, Browser, until
from tests.page_hands import text_points
from tests.page_process import page

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


class Desk:
    """A page that is open in a browser, with what a hand needs to mark words there."""

    def __init__(self, browser: Browser, found: Page, query: Query) -> None:
        self.browser, self.page, self.query = browser, found, query
        self.text = str(found.data.preview(query.ids[0]).text)

    def ready(self, place: int = 0) -> None:
        until(lambda: self.browser.run(
            "return document.querySelector('#work').dataset.ready") == str(place))  # fmt: skip

    def drag(self, start: int, end: int) -> None:
        """From the left edge of a character to that of another, in code points."""
        self.browser.drag(*text_points(self.browser, self.text, start, end))

    def marks(self) -> list[list[str]]:
        return self.browser.run(
            "return [...document.querySelectorAll('#sample mark')]"
            ".map((m) => [m.textContent, m.dataset.label])"
        )

    def kept(self, place: int = 0) -> Any:
        key = (self.query.ids[place], False)
        until(lambda: key in self.page.log.answers())
        (answer,) = self.page.collect(replace(
            self.query, ids=(key[0],), scores=(0.0,), reasons=("margin",), propensities=(None,)
        )).answered  # fmt: skip
        return answer.label


@contextmanager
def desk(browser: Browser, folder: Path, guess: Any = None) -> Iterator[Desk]:
    found, query = page(str(folder / "plain"), "entities")
    if guess is not None:
        found = Page(found.data, "c", {"folder": str(folder), "suggest": "on"})
        many = len(query.ids)
        query = replace(
            query, model="models:/m/3", predicted=(guess,) * many, confidence=(0.9,) * many
        )
        found.request(query)
    with found.attending():
        made = Desk(browser, found, query)
        browser.open(found.where)
        browser.run("localStorage.setItem('annotator', 'anna')")
        browser.reload()
        made.ready()
        yield made


def span(text: str, words: str, label: str) -> dict[str, Any]:
    start = text.index(words)
    return {"start": start, "end": start + len(words), "label": label}


def test_words_are_marked_by_mouse_and_keyboard_and_come_back_in_code_points(
    browser: Browser, tmp_path: Path
) -> None:
    with desk(browser, tmp_path) as here:
        text = here.text
        assert browser.run("return document.querySelector('#sample p').textContent") == text
        browser.press("Enter")
        until(lambda: "nothing is marked" in browser.text("#said"))
        browser.press("1")
        until(lambda: "nothing is selected" in browser.text("#said"))
        zoe = span(text, "Zoë", "PER")
        here.drag(zoe["start"], zoe["end"])
        browser.press("2")  # classes are LOC, PER
        until(lambda: here.marks() == [["Zoë", "PER"]])
        town = span(text, "in 𝒟-town", "LOC")
        here.drag(town["start"] - 1, town["end"] + 1)  # with space around it
        browser.click("#choices button[data-name=LOC]")
        until(lambda: here.marks() == [["Zoë", "PER"], ["in 𝒟-town", "LOC"]])
        here.drag(town["start"], town["start"] + 2)
        browser.press("2")  # in place of what it overlaps
        until(lambda: here.marks() == [["Zoë", "PER"], ["in", "PER"]])
        browser.click("#sample mark[data-label=PER]:last-of-type")
        browser.press("Backspace")
        until(lambda: here.marks() == [["Zoë", "PER"]])
        assert not here.page.log.answers()
        browser.press(*["ArrowRight"] * 2)  # the emoji, then the name
        browser.press("Shift+ArrowRight", "1")
        until(lambda: here.marks() == [["Zoë met", "LOC"]])
        browser.press("Enter")
        assert here.kept() == [span(text, "Zoë met", "LOC")]
        here.ready(1)
        browser.press("-")  # that there is none is an answer
        assert here.kept(1) == []
        here.ready(2)
        browser.press("Backspace")
        here.ready(1)
        assert here.marks() == []
        assert not browser.run("return document.title").startswith("x")


def test_what_was_said_before_is_marked_again(browser: Browser, tmp_path: Path) -> None:
    with desk(browser, tmp_path) as here:
        zoe = span(here.text, "Zoë", "PER")
        here.drag(zoe["start"], zoe["end"])
        browser.press("2", "Enter")
        assert here.kept() == [zoe]
        here.ready(1)
        browser.press("ArrowLeft", "Escape")  # arrows are of the words here
        browser.click("#past-button")
        until(lambda: browser.sees(".past button"))
        browser.click(".past button")
        here.ready(0)
        until(lambda: here.marks() == [["Zoë", "PER"]])


def test_what_the_model_marked_counts_once_it_is_taken(browser: Browser, tmp_path: Path) -> None:
    guess = [{"start": 4, "end": 7, "label": "PER"}]
    with desk(browser, tmp_path, guess) as here:
        until(lambda: browser.sees("#sample mark.offered"))
        browser.press("Enter")
        until(lambda: "Space" in browser.text("#said"))
        assert not here.page.log.answers()
        browser.press(" ")
        until(lambda: browser.sees("#sample mark:not(.offered)"))
        browser.press("Enter")
        assert here.kept() == guess
        here.ready(1)
        browser.press("Escape", "-")  # not what it marked
        assert here.kept(1) == []
