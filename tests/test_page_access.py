"""The page for everybody: axe finds nothing, keys reach everything, nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from al.annotators.page import Page
from al.contracts import Query
from tests.browser import MISSING, Browser, until
from tests.page_process import made

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
#: Kinds of page_process whose labels are drawn or marked.
DRAWN = ("boxes", "masks", "entities")
#: A phone, one with its address bar, a tablet, a low window and a desk.
SIZES = ((360, 640), (360, 560), (820, 1180), (1280, 560), (1280, 800))
READY = "return document.getElementById('work').dataset.ready"
#: Whether an element is inside the window, and nothing lies over its middle.
REACHABLE = """
const found = document.querySelector(arguments[0]).getBoundingClientRect();
const inside = found.left >= 0 && found.right <= innerWidth + 1 && found.top >= 0
  && found.bottom <= innerHeight + 1;
const top = document.elementFromPoint((found.left + found.right) / 2,
  (found.top + found.bottom) / 2);
return inside && top.closest(arguments[0]) !== null;
"""
#: How far a sample scrolls to the side; it is read from top to bottom.
ASIDE = "const s = document.getElementById('sample'); return s.scrollWidth - s.clientWidth"


@contextmanager
def served(browser: Browser, folder: Path, kind: str, **options: str) -> Iterator[Page]:
    """A page with suggestions and instructions, open in the browser."""
    how = folder / "how.md"
    how.write_text("# How\n\n* **look** at it\n* `then` answer\n", encoding="utf-8")
    data = made(kind, str(folder))
    given = {"folder": str(folder), "suggest": "on", "instructions": str(how), **options}
    found = Page(data, "a campaign", given)
    ids, classes = data.ids("train")[:4], data.spec.classes
    guess: Any = {"several": list(classes[:2]), "numbers": 3.0}.get(kind, (*classes, "")[0])
    likely = ((classes[0], 0.7), (classes[1], 0.2)) if classes else ()
    many = len(ids)
    if kind == "entities":
        guess = [{"start": 4, "end": 7, "label": "PER"}]
    guesses = tuple(data.truth(ids)) if kind in ("boxes", "masks") else (guess,) * many
    query = Query(
        ids, (0.0,) * many, ("margin",) * many, (None,) * many, "margin", "models:/m/3",
        guesses, (0.7,) * many, () if kind in DRAWN else (likely,) * many,
    )  # fmt: skip
    found.request(query)
    with found.attending():
        browser.open(found.where)
        browser.run(
            "localStorage.clear(); localStorage.setItem('annotator', 'anna');"
            "localStorage.setItem('guided a campaign', '1')"
        )
        opened(browser)
        yield found
    browser.open("about:blank")


def opened(browser: Browser) -> None:
    """The page from its beginning."""
    browser.reload()
    until(lambda: browser.run(READY))


def violations(browser: Browser) -> list[str]:
    """What axe says is wrong with what is on the screen, by WCAG 2.1 AA and best practice."""
    axe = (files("axe_core_python") / "axe.min.js").read_text("utf-8")
    found = browser.run(f"{axe}; return axe.run(document, {{resultTypes: ['violations']}})")
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["digits", "many", "several", "numbers", *DRAWN])
def test_axe_finds_nothing_wrong_with_what_is_answered(
    kind: str, browser: Browser, tmp_path: Path
) -> None:
    more = {"range": "0..100", "unit": "kg"} if kind == "numbers" else {}
    with served(browser, tmp_path, kind, **more):
        for dark in (False, True):
            browser.becomes(1280, 800, dark=dark)
            opened(browser)
            assert violations(browser) == []
            if pressed := {"several": "1", "many": "crd"}.get(kind):
                browser.press(*pressed)
                assert violations(browser) == []


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_wrong_with_what_opens_and_with_the_end(
    dark: bool, browser: Browser, tmp_path: Path
) -> None:
    browser.becomes(1280, 800, dark=dark)
    with served(browser, tmp_path, "digits") as found:
        for place, (id, again) in enumerate(found.log.ever_asked()):
            found.log.answer((id, again), str(place), "bob", 1.0, skip=False)
            found.log.answer((id, again), "3", "anna", 1.0, skip=False)
        for button in ("guide", "past", "note", "help"):
            browser.run(f"document.getElementById('{button}-button').click()")
            until(lambda: browser.sees("dialog[open]"))
            assert violations(browser) == [], button
            browser.run("document.querySelector('dialog[open]').close()")
        browser.reload()
        until(lambda: browser.sees("#review .past"))
        assert "bob said" in browser.text("#review")
        assert violations(browser) == []
        browser.run("document.getElementById('who').click()")
        until(lambda: browser.sees("#hello"))
        assert violations(browser) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["digits", "many", "several", "numbers", "rows", *DRAWN])
def test_nothing_is_cut_off_on_a_phone_a_tablet_and_a_desk(
    kind: str, browser: Browser, tmp_path: Path
) -> None:
    answers = {"numbers": "#number", "many": "#filter", "entities": "#take"}
    answers |= dict.fromkeys(("boxes", "masks"), ".drawing-end .primary")
    accepts = () if kind in DRAWN else ("#accept",)
    buttons = ["#skip", "#undo", "#help-button", "#who", *accepts]
    buttons.append(answers.get(kind, "#choices button"))
    if kind == "digits":
        buttons.append("#choices button:nth-child(10)")
    with served(browser, tmp_path, kind):
        for size in SIZES:
            browser.becomes(*size, touch=size[0] < 900)
            opened(browser)
            wide, high = browser.run(
                "const d = document.documentElement; return [d.scrollWidth, d.scrollHeight]"
            )
            assert (wide, high) == size
            hidden = [css for css in buttons if not browser.run(REACHABLE, css)]
            assert not hidden, size
            assert browser.run(ASIDE) == 0, size
            if size[1] >= 640:
                height = browser.run("return document.getElementById('sample').clientHeight")
                assert height > 70, size


@pytest.mark.slow
def test_tab_goes_from_the_answers_to_skip_and_names_are_whole(
    browser: Browser, tmp_path: Path
) -> None:
    browser.becomes(1280, 800)
    with served(browser, tmp_path, "many"):
        at = "return document.activeElement.id || document.activeElement.dataset.name"
        assert browser.run(at) == "filter"
        browser.press("Tab")
        first = browser.run(at)
        assert first == "class_aa"
        name = browser.run("return document.activeElement.innerText.trim()")
        assert name.endswith("70\N{NO-BREAK SPACE}%")
        assert browser.run("return document.activeElement.querySelector('kbd').ariaHidden")
        assert browser.run("return document.activeElement.getAttribute('aria-keyshortcuts')") == "1"


@pytest.mark.slow
def test_text_from_right_to_left_is_laid_out_so(browser: Browser, tmp_path: Path) -> None:
    browser.becomes(1280, 800)
    with served(browser, tmp_path, "many"):
        way = (
            "const p = document.querySelector('#sample > p'); p.textContent = arguments[0];"
            "return getComputedStyle(p).direction"
        )
        assert browser.run(way, "שלום עולם") == "rtl"
        assert browser.run(way, "hello") == "ltr"
