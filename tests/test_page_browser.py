"""The page in a real browser: label, skip, undo, reload, killed server; no answer is lost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser import MISSING, Browser, until
from tests.page_process import NASTY, page

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
#: The next picture's address is that of none.
NEXT_LEADS_NOWHERE = """
const real = window.fetch;
window.fetch = async (...all) => {
  const answer = await real(...all), found = await answer.json();
  if (found.item) found.item.image = "image/99999";
  return new Response(JSON.stringify(found), { status: answer.status });
};
"""
Serve = Callable[..., subprocess.Popen[str]]


def url(folder: Path) -> str:
    kept = json.loads((folder / ".page.json").read_text())
    return f"http://127.0.0.1:{kept['port']}/{kept['token']}/"


def answers(folder: Path, kind: str, asked: int = 5) -> list[Any]:
    """What the pipeline collects: (label or "skip" or None) of each sample."""
    found, query = page(str(folder), kind, asked)
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
    ready(browser)


def ready(browser: Browser) -> None:
    """Wait until the sample has been seen, so that answers are taken."""
    until(lambda: browser.run("return document.getElementById('work').dataset.ready"))


def say(browser: Browser, *keys: str, progress_is: str) -> None:
    """Answer, and wait until it is kept and the next sample, if any, was seen."""
    browser.press(*keys)
    until(lambda: progress(browser) == progress_is)
    if browser.sees("#work"):
        ready(browser)


def progress(browser: Browser) -> str:
    return browser.text("#count")


@pytest.mark.slow
def test_label_skip_undo_reload_and_a_killed_server_lose_nothing(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    server = serve("digits")
    arrive(browser, tmp_path)
    assert browser.run("return getComputedStyle(document.images[0]).imageRendering") == "pixelated"
    assert progress(browser) == "0 of 5"
    say(browser, "7", progress_is="1 of 5")
    say(browser, "Escape", progress_is="2 of 5")
    say(browser, "3", progress_is="3 of 5")
    assert answers(tmp_path, "digits") == ["7", "skip", "3", None, None]
    say(browser, "Backspace", progress_is="2 of 5")
    assert answers(tmp_path, "digits") == ["7", "skip", None, None, None]
    browser.reload()
    ready(browser)
    assert progress(browser) == "2 of 5"
    say(browser, "4", progress_is="3 of 5")

    server.kill()
    server.wait()
    browser.press("5")
    until(lambda: browser.sees("#trouble"))
    assert "is sent again until it is kept" in browser.text("#trouble")
    assert answers(tmp_path, "digits") == ["7", "skip", "4", None, None]
    server = serve("digits")
    until(lambda: progress(browser) == "4 of 5")
    assert not browser.sees("#trouble")
    ready(browser)
    browser.click("#choices button:nth-child(10)")
    until(lambda: browser.sees("#over"))
    assert browser.text("#over-title") == "4 answered, 1 skipped"
    assert answers(tmp_path, "digits") == ["7", "skip", "4", "5", "9"]
    browser.press("Backspace")
    ready(browser)
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


@pytest.mark.slow
def test_a_page_that_is_not_served_while_a_model_learns_says_so_without_alarm(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    server = serve("digits")
    arrive(browser, tmp_path)
    for number in range(1, 5):
        say(browser, "7", progress_is=f"{number} of 5")
    browser.press("7")
    until(lambda: browser.sees("#over"))
    server.kill()
    server.wait()
    until(lambda: browser.sees("#trouble"))
    assert "the command learns from the answers, or has ended" in browser.text("#trouble")
    assert browser.run("return document.getElementById('trouble').className") == "calm"
    serve("digits")
    until(lambda: not browser.sees("#trouble"))


@pytest.mark.slow
def test_many_classes_are_found_by_typing_and_text_is_never_markup(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("many")
    arrive(browser, tmp_path)
    assert browser.text("#sample p") == NASTY
    assert browser.run("return document.images.length") == 0
    assert "Annotate" in browser.run("return document.title")
    assert browser.run("return document.querySelectorAll('#choices button').length") == 77
    browser.press(*"crd arr")
    assert browser.text("#choices").endswith("card_arrival")
    say(browser, "Enter", progress_is="1 of 5")
    say(browser, *"class_a", "ArrowDown", "Enter", progress_is="2 of 5")
    assert browser.text("#choices").splitlines()[:4] == [
        "Recent", "1card_arrival", "2class_ab", "All"
    ]  # fmt: skip
    say(browser, "1", progress_is="3 of 5")
    browser.press(*"zqx")
    assert "Nothing matches “zqx”" in browser.text("#nothing")
    browser.press("Enter", "Escape")
    say(browser, "x", "Backspace", "Backspace", progress_is="2 of 5")
    assert answers(tmp_path, "many") == ["card_arrival", "class_ab", None, None, None]


@pytest.mark.slow
def test_nothing_is_chosen_before_somebody_chose(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("many")
    arrive(browser, tmp_path)
    assert not browser.sees("#choices .first")
    browser.press("Enter")
    assert browser.text("#said").startswith("Not taken: nothing is chosen")
    assert answers(tmp_path, "many") == [None] * 5


@pytest.mark.slow
def test_several_classes_a_sample_are_marked_and_kept_and_a_resting_mouse_marks_none(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("several")
    arrive(browser, tmp_path)
    browser.rest("#choices button")
    assert browser.sees("#choices button:hover")
    look = "const s = getComputedStyle(document.querySelector('#choices button')); return "
    assert browser.run(look + "s.borderColor") == browser.run(look + "s.color")  # not blue: chosen
    assert browser.run(look + "s.backgroundColor") != "rgb(255, 255, 255)"
    browser.press("Enter")
    assert browser.text("#said") == "Not taken: nothing is marked; - says that none applies."
    browser.press("1", "2", "3", "1")
    assert browser.text("#choices button[aria-pressed=true]").endswith("red")
    assert not browser.sees("#none")
    say(browser, "Enter", progress_is="1 of 5")
    say(browser, "-", progress_is="2 of 5")
    browser.click("#none")
    until(lambda: progress(browser) == "3 of 5")
    assert answers(tmp_path, "several") == [["old", "red"], [], [], None, None]


@pytest.mark.slow
def test_a_number_is_typed_and_one_far_from_the_others_is_asked_for_twice(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("numbers", 14)
    arrive(browser, tmp_path)
    browser.press("Enter")
    assert "no number is given yet" in browser.text("#said")
    browser.press(*"1x", "Enter")
    until(lambda: browser.sees("#trouble"))
    say(browser, "Backspace", *",5", "Enter", progress_is="1 of 14")
    for number in range(1, 10):
        say(browser, str(number), "Enter", progress_is=f"{number + 1} of 14")
    browser.press(*"1e9", "Enter")
    assert browser.text("#sure") == (
        "1e9 is far from the 10 numbers so far, 1 to 9. Enter again keeps it."
    )
    assert progress(browser) == "10 of 14"
    browser.press("Escape", *"1e8", "Enter")
    assert progress(browser) == "10 of 14"  # another number is asked for anew
    say(browser, "Enter", progress_is="11 of 14")
    assert answers(tmp_path, "numbers", 14)[0::10] == [1.5, 1e8]


@pytest.mark.slow
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
    ready(browser)
    say(browser, "4", "Enter", progress_is="2 of 5")
    assert answers(tmp_path, "several+") == [["big 1", "red"], ["big 1"], None, None, None]


@pytest.mark.slow
def test_an_answer_can_be_gone_back_to_and_given_again(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("digits")
    arrive(browser, tmp_path)
    say(browser, "7", progress_is="1 of 5")
    say(browser, "8", progress_is="2 of 5")
    browser.press("ArrowLeft")
    until(lambda: browser.sees("#back"))
    assert "You said: 8." in browser.text("#back")
    browser.press("ArrowLeft")  # as soon as it is there
    until(lambda: "You said: 7." in browser.text("#back"))
    browser.press("Escape")
    ready(browser)
    assert (browser.sees("#back"), progress(browser)) == (False, "2 of 5")
    browser.press("F8")
    until(lambda: browser.sees("#panel"))
    assert browser.run("return document.querySelectorAll('#panel .past img').length") == 2
    browser.click("#panel .past li:nth-child(2) button")
    until(lambda: browser.sees("#back"))
    ready(browser)
    browser.press("1")
    until(lambda: not browser.sees("#back"))
    assert answers(tmp_path, "digits") == ["1", "8", None, None, None]
    browser.press("Backspace")
    until(lambda: "what you said before counts again: 7" in browser.text("#said"))
    assert answers(tmp_path, "digits") == ["7", "8", None, None, None]


@pytest.mark.slow
def test_several_answers_are_taken_back_one_after_the_other(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("digits")
    arrive(browser, tmp_path)
    for number in range(4):
        say(browser, str(number), progress_is=f"{number + 1} of 5")
    for left in (3, 2, 1):
        say(browser, "Backspace", progress_is=f"{left} of 5")
    browser.reload()
    ready(browser)
    say(browser, "Backspace", progress_is="0 of 5")
    assert answers(tmp_path, "digits") == [None] * 5
    say(browser, "9", progress_is="1 of 5")
    assert answers(tmp_path, "digits") == ["9", None, None, None, None]


@pytest.mark.slow
def test_a_note_and_a_flag_are_kept_and_keys_in_them_answer_nothing(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("digits")
    arrive(browser, tmp_path)
    browser.press("F2")
    until(lambda: browser.sees("#note-text"))
    browser.press(*"blurred 7")
    browser.click("#note-flag")
    browser.click("#remark-form .primary")
    until(lambda: not browser.sees("#remark"))
    found, query = page(str(tmp_path), "digits")
    note = found.log.notes()[query.ids[0], False]["Änna"]
    assert (note.text, note.flag) == ("blurred 7", True)
    assert found.collect(query).answered == ()


@pytest.mark.slow
def test_a_picture_that_does_not_load_can_be_skipped_and_not_answered(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    serve("digits")
    arrive(browser, tmp_path)
    browser.run(NEXT_LEADS_NOWHERE)
    browser.press("7")
    until(lambda: browser.sees("#trouble"))
    browser.press("3")
    assert "only be skipped" in browser.text("#said")
    browser.press("Escape")
    until(lambda: progress(browser) == "2 of 5")
    assert answers(tmp_path, "digits") == ["7", "skip", None, None, None]
