"""What a model believes, in the browser: offered where it may be, and nowhere else a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from al.annotators.page import Page
from al.contracts import AUDIT, Query
from tests.browser import MISSING, Browser, until
from tests.page_process import made

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
READY = "return document.getElementById('work').dataset.ready"
MODEL = "models:/m/3"


def asked(folder: Path, kind: str, guess: Any, likely: Any, **options: str) -> tuple[Page, Query]:
    """Three samples with a guess, of which the second counts in an estimate."""
    data = made(kind, str(folder))
    found = Page(data, "c", {"folder": str(folder), "suggest": "on", **options})
    ids = data.ids("train")[:3]
    query = Query(
        ids, (0.0,) * 3, ("margin", AUDIT, "margin"), (None,) * 3, "margin", MODEL,
        (guess,) * 3, (0.9,) * 3, (likely,) * 3,
    )  # fmt: skip
    found.request(query)
    return found, query


def arrive(browser: Browser, found: Page) -> None:
    browser.open(found.where)
    until(lambda: browser.sees("#hello") or browser.run(READY))
    browser.run("localStorage.clear(); localStorage.setItem('annotator', 'anna')")
    browser.reload()
    until(lambda: browser.run(READY) == "0")


def names(browser: Browser) -> list[str]:
    """The classes in the order in which they are offered."""
    return browser.run(
        "return [...document.querySelectorAll('#choices button')].map((b) => b.dataset.name)"
    )


def test_a_guess_is_accepted_by_a_key_and_the_likeliest_come_first_where_it_may_be_shown(
    browser: Browser, tmp_path: Path
) -> None:
    likely = (("class_cc", 0.6), ("class_aa", 0.3))
    found, query = asked(tmp_path, "many", "class_cc", likely)
    classes = list(found.data.spec.classes)
    with found.attending():
        arrive(browser, found)
        assert "class_cc ·\N{NO-BREAK SPACE}90\N{NO-BREAK SPACE}%" in browser.text("#accept")
        assert names(browser)[:2] == ["class_cc", "class_aa"]
        browser.press(" ")
        until(lambda: browser.run(READY) == "1")
        assert not browser.sees("#accept")
        assert browser.text("#choices").startswith("Recent")
        rest = [name for name in classes if name != "class_cc"]
        assert names(browser) == ["class_cc", *rest]  # the one used last, and then as ever
        browser.press(" ")
        assert browser.text("#count") == "1 of 3"
        browser.press("Backspace", *"class_ab", "Enter")
        until(lambda: browser.run(READY) == "2")
        browser.press("2")
        until(lambda: browser.sees("#over"))
    answers = found.collect(query).answered
    assert [answer.label for answer in answers] == ["class_cc", "class_ab", "class_aa"]
    assert [answer.shown for answer in answers] == [MODEL, "", MODEL]


@pytest.mark.slow
def test_several_classes_are_accepted_together_and_none_is_marked_before(
    browser: Browser, tmp_path: Path
) -> None:
    found, query = asked(tmp_path, "several", ["old", "red"], (("red", 0.8), ("old", 0.7)))
    with found.attending():
        arrive(browser, found)
        assert not browser.sees("#choices [aria-pressed=true]")
        assert names(browser)[:3] == ["wet", "red", "old"]  # keys stay where they are
        browser.press(" ")
        until(lambda: browser.run(READY) == "1")
        assert "%" not in browser.text("#choices")
    assert found.collect(query).answered[0].label == ["old", "red"]


@pytest.mark.slow
def test_a_number_is_accepted_or_given_by_a_slider_in_its_range(
    browser: Browser, tmp_path: Path
) -> None:
    found, query = asked(tmp_path, "numbers", 3.5, (), range="0..100", unit="kg")
    with found.attending():
        arrive(browser, found)
        browser.press(" ")
        until(lambda: browser.run(READY) == "1")
        browser.press("Enter")
        assert "no number" in browser.text("#said")  # a slider that nobody moved says nothing
        browser.run("document.getElementById('slider').focus()")
        browser.press("ArrowRight", "Enter")
        until(lambda: browser.run(READY) == "2")
        browser.press(*"101", "Enter")
        assert browser.text("#sure") == "101 is outside 0 to 100. Enter again keeps it."
        browser.press("Enter")
        until(lambda: browser.sees("#over"))
    assert [answer.label for answer in found.collect(query).answered] == [3.5, 51.0, 101.0]


@pytest.mark.slow
def test_classes_are_found_by_letters_left_out_slips_and_parts(
    browser: Browser, tmp_path: Path
) -> None:
    found, _ = asked(tmp_path, "many", "class_cc", ())
    with found.attending():
        arrive(browser, found)
        search = (
            "return import(new URL('static/forms/finding.js', location.href))"
            ".then(({ found }) => found(arguments[0], arguments[1]))"
        )
        classes = ["card_lost", "card_arrival", "lost_or_stolen_card", "top_up", "Überweisung"]
        for typed, best in [
            ("crd lost", "card_lost"), ("card arr", "card_arrival"), ("stolen", classes[2]),
            ("stoeln", classes[2]), ("ariva", "card_arrival"), ("uber", classes[4]),
            ("topup", "top_up"), ("CARD-LOST", "card_lost"), ("lost card", "card_lost"),
        ]:  # fmt: skip
            assert browser.run(search, classes, typed)[:1] == [best], typed
        assert browser.run(search, classes, "zqx") == []
        assert browser.run(search, classes, " ") == classes


@pytest.mark.slow
def test_instructions_show_at_first_and_no_markup_of_theirs_gets_through(
    browser: Browser, tmp_path: Path
) -> None:
    how = tmp_path / "how.md"
    nasty = '<img src=x onerror="document.title=1"> <script>document.title=2</script>'
    how.write_text(f"# How\n\n1. **one** {nasty}\n2. `two`\n\n[a](javascript:alert(1))\n")
    found, _ = asked(tmp_path, "many", "class_cc", (), instructions=str(how))
    with found.attending():
        arrive(browser, found)
        until(lambda: browser.sees("#panel"))
        assert nasty in browser.text("#panel")
        inside = "return document.querySelectorAll('#panel img, #panel script, #panel a').length"
        assert browser.run(inside) == 0
        assert browser.run("return document.querySelector('#panel ol strong').innerText") == "one"
        assert "Annotate" in browser.run("return document.title")
        browser.press("Escape")
        assert not browser.sees("#panel")
        browser.reload()
        until(lambda: browser.run(READY))
        assert not browser.sees("#panel")
