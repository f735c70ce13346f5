"""A cycle annotated in a real browser, in a real Label Studio."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from al.annotators.label_studio import LabelStudio
from tests.browser import MISSING, Browser, until
from tests.label_studio_server import PASSWORD, USER
from tests.stores import runs, table
from tests.studios import Samples, Studio, query_of

pytestmark = [
    pytest.mark.label_studio,
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
]
SUBMIT, SKIP = '[aria-label="Submit current annotation"]', '[aria-label="skip-task"]'


@pytest.fixture
def desk(real_studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A browser that is logged in."""
    monkeypatch.setenv("LABEL_STUDIO_URL", real_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", real_studio.token)
    browser = Browser(tmp_path / "profile", size="1280,800")
    browser.open(f"{real_studio.url}/user/login")
    until(lambda: browser.sees("input[name=email]"))
    browser.click("input[name=email]")
    browser.press(*USER)
    browser.click("input[name=password]")
    browser.press(*PASSWORD, "Enter")
    until(lambda: "/user/login" not in browser.run("return location.href"))
    yield browser
    browser.close()


def _number(browser: Browser) -> int:
    """The task that is shown; 0 for none."""
    script = "return document.querySelector('.lsf-current-task__task-id')?.firstChild?.textContent"
    return int(browser.run(script) or 0) if browser.sees(SUBMIT) else 0


def _click(browser: Browser, css: str) -> None:
    """Click, though a message of the last task lies above it for some seconds."""
    browser.run("document.querySelector(arguments[0]).click()", css)


def _each(browser: Browser, where: str, count: int, act: Callable[[int], None]) -> None:
    """Do something with each task of the stream, and wait for the next."""
    browser.open(f"{where}?labeling=1")
    before = 0
    for _ in range(count):
        until(lambda seen=before: _number(browser) not in (0, seen))
        before = _number(browser)
        time.sleep(0.5)  # the image comes after the buttons
        act(before)
    until(lambda: _number(browser) != before)


def test_a_cycle_is_annotated_in_a_browser(
    desk: Browser,
    campaign: Callable[..., Any],
    client: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    people = campaign(
        annotator="label-studio", campaign=f"browser-{time.time_ns()}", initial_size=6, cycles=1
    )
    people.run()
    assert "waiting: 0 of 6 answered, at http" in caplog.text
    from al.tasks.digits import Digits

    data = Digits().data()
    studio = LabelStudio(data, people.name)
    project = studio._find()
    assert project is not None
    query = table(client, runs(client, step="select-data")[0], "query.parquet")
    tasks = {held.id: held.item for held in studio._open()[1]._held.values()}
    done: list[int] = []

    def label(number: int) -> None:
        done.append(number)
        if len(done) == 3:
            _click(desk, SKIP)
            return
        (truth,) = data.truth([tasks[number]])
        desk.press(truth)  # the key is the digit
        until(lambda: desk.run("return !!document.querySelector('input:checked')"))
        if len(done) == 2:
            desk.screenshot(tmp_path / "desk.png")
        _click(desk, SUBMIT)

    _each(desk, project.url, 6, label)
    assert [tasks[number] for number in done] == list(query["id"])  # in the order of asking
    people.run()
    answers = table(client, runs(client, step="annotate")[0], "answers.parquet")
    skipped = answers["status"] == "skipped"
    assert list(answers["id"][skipped]) == [tasks[done[2]]]
    labelled = answers[~skipped]
    assert [f'"{truth}"' for truth in data.truth(list(labelled["id"]))] == list(labelled["label"])
    assert set(labelled["annotator"]) == {USER}
    assert (labelled["seconds"] > 0.3).all()
    assert (tmp_path / "desk.png").stat().st_size > 10_000


@pytest.mark.parametrize("kind", ["mask", "boxes", "entities"])
def test_a_prediction_that_is_submitted_as_it_is_comes_back_to_the_pixel(
    desk: Browser, real_studio: Any, kind: Any
) -> None:
    data = Samples(kind)
    ids = data.ids("train")[2::-1]
    query = query_of(data, 3, predicted=tuple(data.labels[id] for id in ids))
    studio = Studio(real_studio, real=True).annotator(data, prelabel="on")
    studio.request(query)
    _each(desk, studio.where, 3, lambda _: _click(desk, SUBMIT))
    found = studio.collect(query)
    assert [answer.shown for answer in found.answered] == ["models:/m/3"] * 3
    assert [answer.label for answer in found.answered] == [data.labels[id] for id in ids]


#: Left edges of characters of a text, by UTF-16 unit.
_EDGES = """
const whole = [...document.querySelectorAll("[class*=richtext]")].find(
  (e) => e.textContent.includes(arguments[0]) && !e.querySelector("[class*=richtext]"));
return arguments[1].map((unit) => {
  const walk = document.createTreeWalker(whole, NodeFilter.SHOW_TEXT);
  let node, left = unit;
  while ((node = walk.nextNode()) && left > node.length) left -= node.length;
  const range = document.createRange();
  range.setStart(node, left);
  range.collapse(true);
  const box = range.getBoundingClientRect();
  return [box.left, box.top + box.height / 2];
});
"""


def test_words_behind_an_emoji_are_marked_by_mouse_and_come_back_in_code_points(
    desk: Browser, real_studio: Any
) -> None:
    data = Samples("entities")
    query = query_of(data, 2)
    studio = Studio(real_studio, real=True).annotator(data)
    studio.request(query)
    texts = {id: str(data.preview(id).text) for id in query.ids}

    def mark(number: int) -> None:
        text = texts[query.ids[len(marked)]]
        start = text.index("Köln")
        units = [len(text[:at].encode("utf-16-le")) // 2 for at in (start, start + 4)]
        desk.press("1")  # the first class
        until(lambda: desk.run(_EDGES.replace("return arg", "return !!whole && arg"), "Köln", [0]))
        points = desk.run(_EDGES, "Köln", units)
        desk.drag(*[(x, y) for x, y in points])
        until(lambda: "Köln" in desk.run("return document.body.innerText"))
        time.sleep(1)
        marked.append(number)
        _click(desk, SUBMIT)

    marked: list[int] = []
    _each(desk, studio.where, 2, mark)
    found = studio.collect(query)
    assert len(found.answered) == 2
    for answer in found.answered:
        start = texts[answer.id].index("Köln")
        assert answer.label == [{"start": start, "end": start + 4, "label": "place"}]
        (held,) = studio._open()[1].of(answer.id)
        value = held.annotations[0]["result"][0]["value"]
        assert (value["start"], value["text"]) == (start, "Köln")  # it counts code points itself
