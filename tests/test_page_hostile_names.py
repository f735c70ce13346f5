"""Names of classes, files and campaigns are text on the page, whatever they hold."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from al.annotators.page import Page
from al.contracts import DataLoader, DataSpec, Preview, Query
from al.data import ArrayLoader
from al.tasks.image_folder import ImageFolder
from tests.browser import MISSING, Browser, until
from tests.page_hands import points_on, text_points

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]
MARKUP = '<img src=x onerror="document.title=1">'
#: Half of a character, a script, an entity, signs that turn the direction of what follows.
NAMES = [MARKUP, "a\ud800b", "</button><script>document.title=2</script>", "&lt;i&gt; \u202eevil"]
CAMPAIGN = f"{MARKUP} </title> \udfff <b>c</b>"
#: What a person reads there, in code points: half a character travels as nothing else.
SAID = """
return [...document.querySelectorAll(arguments[0])].map((one) => Array.from(
  one.dataset.name ?? one.textContent, (sign) => sign.codePointAt(0)));
"""
#: Elements that the page itself never has there.
MADE = "return document.querySelectorAll('b, i:not(.swatch), main script, img[src=x]').length"


DRAWN = ("boxes", "scene")
MANY = [*NAMES, *(f"class {number}" for number in range(10))]


class Named(ArrayLoader):
    """Four samples of a kind, whose ids, classes, texts and columns have hostile names."""

    def __init__(self, kind: str, classes: list[str]) -> None:
        ids = [f"{name} {number}" for number, name in enumerate(NAMES)]
        if kind in DRAWN:
            images = np.full((4, 16, 24, 3), 90, np.uint8)
            boxes = [np.empty((0, 5), np.float32)] * 4
            targets: Any = boxes if kind == "boxes" else np.zeros((4, 16, 24), np.uint8)
            super().__init__(ids, images, targets, classes, ids[-1:], kind)
            return
        super().__init__(ids, np.ones((4, 2)), np.zeros(4, int), classes, ids[-1:])
        self.spec = DataSpec(() if kind == "number" else tuple(classes), (2,), "float64", kind)

    def preview(self, id: str) -> Preview:
        if self.spec.kind in DRAWN:
            return super().preview(id)
        if self.spec.kind == "number":
            return Preview(row={name: name for name in NAMES})
        return Preview(text=MARKUP)


def texts_of(browser: Browser, css: str) -> list[str]:
    return ["".join(map(chr, one)) for one in browser.run(SAID, css)]


def arrive(data: DataLoader, folder: Path) -> tuple[Page, Query]:
    found = Page(data, CAMPAIGN, {"folder": str(folder)})
    ids = data.ids("train")[:3]
    query = Query(ids, (0.0,) * 3, ("margin",) * 3, (None,) * 3, "margin", "none")
    found.request(query)
    return found, query


def enter(browser: Browser, found: Page) -> None:
    browser.open(found.where)
    browser.run("localStorage.clear(); localStorage.setItem('annotator', 'anna')")
    browser.reload()
    ready(browser, 0)


def ready(browser: Browser, place: int) -> None:
    until(lambda: browser.run("return document.getElementById('work').dataset.ready") == str(place))


def nothing_ran(browser: Browser) -> None:
    assert texts_of(browser, "#campaign") == [CAMPAIGN]
    assert browser.run("return document.title.startsWith('Annotate')")
    assert browser.run(MADE) == 0


@pytest.mark.parametrize(
    "kind", ["class", "many", "labels", "number", "boxes", "scene", "entities"]
)
def test_names_are_text_in_every_form_and_come_back_as_they_are(
    kind: str, browser: Browser, tmp_path: Path
) -> None:
    data = Named("class", MANY) if kind == "many" else Named(kind, NAMES)
    found, query = arrive(data, tmp_path)
    with found.attending():
        enter(browser, found)
        nothing_ran(browser)
        shown = {"boxes": ".pen", "scene": ".pen", "number": ".row th"}
        names = texts_of(browser, shown.get(kind, "#choices [data-name]"))
        if kind in DRAWN:  # a key stands before each
            names = [name[1:] for name in names if name != "5not known"]
        assert sorted(names) == sorted(data.spec.classes or NAMES)
        for place in (0, 1):
            ready(browser, place)
            give(browser, kind, place)
        ready(browser, 2)
        nothing_ran(browser)
        for key, opened in (("F8", "#panel .past"), ("F4", "#panel")):
            browser.press(key)
            until(lambda opened=opened: browser.sees(opened))  # type: ignore[misc]
            nothing_ran(browser)
            browser.click("#panel .close")
    browser.open("about:blank")
    labels: Any = [one.label for one in found.collect(query).answered]
    assert len(labels) == 2
    if kind in ("boxes", "entities"):
        labels = [[one["label"] for one in label] for label in labels]
    if kind not in ("number", "scene"):
        single = kind in ("class", "many")
        assert labels == [name if single else [name] for name in NAMES[:2]]


def give(browser: Browser, kind: str, place: int) -> None:
    """One of the first two classes."""
    key = str(place + 1)
    if kind == "class":
        browser.press(key)
    elif kind == "labels":
        browser.press(key, "Enter")
    elif kind == "number":
        browser.press("7", "Enter")
    elif kind == "many":
        browser.press(*("onerror" if place == 0 else "a"), "Enter")
    elif kind == "entities":
        browser.drag(*text_points(browser, MARKUP, 1, 4))
        browser.press(key, "Enter")
    else:
        browser.press(key)
        browser.drag(*points_on(browser, [(2, 3), (5, 5), (8, 9)]))
        browser.press("Enter")


def test_files_and_folders_of_any_name_are_shown_or_left_out_with_a_line(
    browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    classes = [MARKUP, "&lt;i&gt; <b>x"]
    for name in classes:
        for number in range(6):
            folder = tmp_path / "things" / "train" / name
            folder.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(np.full((8, 8, 3), 20 * number, np.uint8))
            image.save(folder / f"{MARKUP} {number}.png")
    (tmp_path / "things" / os.fsdecode(b"\xff.png")).write_bytes(b"")
    with caplog.at_level(logging.INFO):
        data = ImageFolder(str(tmp_path / "things"), image_size=8, encoder="none").data()
    assert (
        "1 images with characters in their names that are not valid text are left out"
        in caplog.text
    )
    found, query = arrive(data, tmp_path / "page")
    with found.attending():
        enter(browser, found)
        assert sorted(texts_of(browser, "#choices [data-name]")) == sorted(classes)
        nothing_ran(browser)
        browser.press("1")
        ready(browser, 1)
        assert texts_of(browser, "#said") == [f"Kept: {data.spec.classes[0]}"]
        nothing_ran(browser)
    browser.open("about:blank")
    assert [one.label for one in found.collect(query).answered] == [data.spec.classes[0]]
