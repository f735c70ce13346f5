"""Boxes and masks drawn in a real browser: what the pipeline collects is what was drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from al.annotators.label_studio.shapes import fill_polygon
from al.annotators.page import Page
from al.contracts import Query
from al.data import ArrayLoader
from al.masks import VOID, decode_mask, encode_mask
from al.tasks.mask_folder import MaskFolder
from tests.browser import MISSING, Browser, until
from tests.own_data import masks_folder
from tests.page_hands import Point, flooded, painted, points_on
from tests.page_process import made, page
from tests.stores import runs, table

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
#: Height and width of the pictures.
SIZE = (16, 24)


class Desk:
    """A page that is open in a browser, with what a hand needs to draw there."""

    def __init__(self, browser: Browser, found: Page, query: Query) -> None:
        self.browser, self.page, self.query = browser, found, query

    def arrive(self, place: int = 0) -> None:
        self.browser.open(self.page.where)
        self.browser.run("localStorage.setItem('annotator', 'anna')")
        self.browser.reload()
        self.shown(place)

    def shown(self, place: int) -> None:
        """Wait until the picture of a place is there, and was seen."""
        until(lambda: self.browser.run(
            "const v = document.querySelector('#sample').viewer; return [v?.image?.alt, "
            "document.querySelector('#work').dataset.ready]"
        ) == [f"Sample {place + 1}", str(place)])  # fmt: skip

    def on(self, *points: Point) -> list[Point]:
        """Where pixels of the picture are in the window."""
        return points_on(self.browser, points)

    def drag(self, *points: Point, hand: str = "mouse", button: int = 0) -> None:
        self.browser.drag(*self.on(*points), hand=hand, button=button)

    def keep(self, place: int, *keys: str) -> Any:
        """Keep what is drawn, and what was kept: in the picture's pixels."""
        self.browser.press(*(keys or ("Enter",)))
        key = (self.query.ids[place], False)
        until(lambda: key in self.page.log.answers())
        return self.page.log.answers()[key]["anna"].label

    def trouble(self) -> str:
        return self.browser.text("#trouble") if self.browser.sees("#trouble") else ""


@contextmanager
def desk(browser: Browser, folder: Path, kind: str) -> Iterator[Desk]:
    found, query = page(str(folder), kind)
    with found.attending():
        open_there = Desk(browser, found, query)
        open_there.arrive()
        yield open_there
    browser.open("about:blank")


def test_a_mask_is_kept_to_the_pixel_as_it_was_drawn(browser: Browser, tmp_path: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    with desk(browser, tmp_path, "masks") as there:
        browser.press("[")  # from 1, the smallest, to which it stays
        line = [(2.5, 2.5), (9.5, 5.5), (3.5, 12.5)]
        there.drag(*line)
        painted(mask, line, 1, 1)
        browser.press("]", "2")
        there.drag((15.5, 3.5), (20.5, 3.5))
        painted(mask, [(15.5, 3.5), (20.5, 3.5)], 3, VOID)
        browser.press("1", "p")
        corners = [(10.2, 7.1), (21.8, 8.4), (20.1, 15.2), (12.4, 13.7)]
        for corner in corners:
            there.drag(corner)
        browser.press("Enter")
        drawn = np.array([[*there.on(corner)[0]] for corner in corners]).round()
        zero, one = np.array(there.on((0, 0), (1, 1)))
        mask[fill_polygon((drawn - zero) / (one - zero), *SIZE)] = 1
        there.drag((16.5, 10.5), button=2)  # not with this tool: it closes a polygon
        browser.press("e")
        there.drag((14.5, 10.5), (18.5, 10.5))
        painted(mask, [(14.5, 10.5), (18.5, 10.5)], 3, 0)
        before = mask.copy()
        browser.press("f", "2")
        there.drag((16.5, 10.5))
        flooded(mask, 16, 10, VOID)
        browser.press("Control+z", "Control+z")
        browser.press("z", "Control+y", "Control+y", "Shift+z")
        assert (before != mask).any()
        browser.press("b", "1")
        there.drag((1.5, 1.5), (22.5, 14.5))  # over what was drawn, which comes back
        browser.press("Control+z")
        kept = there.keep(0)
        assert (decode_mask(kept, 2, void=True) == mask).all()
        answer = there.page.collect(there.query).answered[0]
        own = there.page.data.on_picture(answer.id, answer.label)
        assert (decode_mask(own, 2, void=True) == mask).all()


def test_boxes_are_kept_as_they_were_drawn_moved_resized_and_nudged(
    browser: Browser, tmp_path: Path
) -> None:
    with desk(browser, tmp_path, "boxes") as there:
        one, two = there.page.data.spec.classes
        there.drag((2, 3), (5, 5), (8, 9))
        there.drag((5, 6), (6, 7), (9, 8))  # moved
        there.drag((12, 11), (12, 12), (13, 14))  # by its corner
        browser.press("2", "ArrowLeft", "Shift+ArrowRight", "ArrowUp", "Alt+ArrowDown")
        browser.press("Escape", "1")
        there.drag((23, 1), (20, 2), (19, 4))  # from the other corner
        there.drag((15, 2), (16, 3), (18, 6))
        browser.press("Delete")
        kept = there.keep(0)
        assert kept == [
            {"label": two, "box": [15, 4, 7, 10]}, {"label": one, "box": [19, 1, 4, 3]},
        ]  # fmt: skip
        answer = there.page.collect(there.query).answered[0]
        own = there.page.data.on_picture(answer.id, answer.label)
        assert [entry["box"] for entry in own] == [
            pytest.approx(entry["box"], abs=0.01) for entry in kept
        ]


@pytest.mark.slow
def test_a_finger_draws_two_fingers_zoom_and_a_fine_screen_changes_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    mask = np.zeros(SIZE, np.uint8)
    with desk(browser, tmp_path, "masks") as there:
        browser.becomes(390, 844, ratio=2, touch=True)
        there.arrive()
        scale = "return document.querySelector('#sample').viewer.scale"
        before = browser.run(scale)
        middle = there.on((12, 8))[0]
        spread = [
            [(middle[0] + far * way, middle[1]) for far in (20, 30, 40, 50)] for way in (-1, 1)
        ]
        browser.hands(spread)
        assert browser.run(scale) > 2 * before
        line = [(9.5, 3.5), (11.5, 4.5), (14.5, 2.5)]  # not where the fingers began
        there.drag(*line, hand="touch")
        painted(mask, line, 1, 1)
        assert (decode_mask(there.keep(0), 2, void=True) == mask).all()
        browser.becomes(1100, 820)


@pytest.mark.slow
def test_nothing_is_kept_by_a_key_that_nobody_meant_and_nothing_drawn_is_lost_by_one(
    browser: Browser, tmp_path: Path
) -> None:
    with desk(browser, tmp_path, "boxes") as there:
        browser.press("Enter")
        assert "Nothing is drawn yet" in there.trouble()
        there.drag((2, 3), (5, 5), (8, 9))
        browser.press("Escape", "Escape")  # lets go of the box, and asks
        assert "not kept yet" in there.trouble()
        assert there.page.log.answers() == {}
        browser.press("Backspace")  # takes the box back, and no answer
        browser.press("z", "Control+y", "Enter")
        there.shown(1)
        assert there.keep(1, "Shift+Enter") == []
        there.shown(2)
        there.drag((2, 3), (5, 5), (8, 9))
        browser.press("Escape", "Escape", "Escape")
        there.shown(3)
        for place in (2, 1, 0):  # back to the first one, as it was drawn
            browser.press("Backspace")
            there.shown(place)
        assert there.keep(0)[0]["box"] == [2, 3, 6, 6]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_a_guess_that_may_be_shown_is_drawn_to_be_mended(
    kind: str, browser: Browser, tmp_path: Path
) -> None:
    data = made(kind, str(tmp_path))
    ids, name = data.ids("train")[:2], data.spec.classes[1]
    mask = np.zeros(SIZE, np.uint8)
    mask[4:9, 3:20] = 1
    guess = {
        "boxes": [{"label": name, "box": [1, 2, 6, 7]}, {"label": name, "box": [12, 2, 6, 7]}],
        "masks": encode_mask(mask),
    }[kind]
    predicted = tuple(data.from_picture(id, guess) for id in ids)
    found = Page(data, "c", {"folder": str(tmp_path), "suggest": "on"})
    query = Query(ids, (0.0,) * 2, ("margin",) * 2, (None,) * 2, "margin", "models:/m/3",
                  predicted, (0.9, 0.8))  # fmt: skip
    found.request(query)
    with found.attending():
        there = Desk(browser, found, query)
        there.arrive()
        assert "A model drew this" in browser.text(".picture-note")
        if kind == "boxes":
            browser.press("Tab", "Tab", "Delete")
            assert there.keep(0)[0]["box"] == pytest.approx([1, 2, 6, 7], abs=0.01)
        else:
            browser.press("f", "e")
            there.drag((3.5, 4.5))
            size = int(browser.text(".slider output").split()[0])
            painted(mask, [(3.5, 4.5)], size, 0)
            assert (decode_mask(there.keep(0), 2, void=True) == mask).all()
        there.shown(1)
        assert "A model drew this" in browser.text(".picture-note")
    browser.open("about:blank")


@pytest.mark.slow
def test_brightness_and_contrast_stay_for_the_next_picture_and_change_no_label(
    browser: Browser, tmp_path: Path
) -> None:
    with desk(browser, tmp_path, "boxes") as there:
        browser.click(".view-tools [aria-expanded]")
        browser.run(
            "const field = document.querySelector('input[name=brightness]'); field.value = 180;"
            "field.dispatchEvent(new Event('input'))"
        )
        there.drag((2, 3), (5, 5), (8, 9))
        there.keep(0)
        there.shown(1)
        light = "return document.querySelector('.plane img').style.filter"
        assert browser.run(light) == "brightness(180%) contrast(100%)"
        browser.click(".view-light button")
        assert browser.run(light) == ""


@pytest.mark.slow
def test_the_next_pictures_are_there_before_they_are_asked_for(
    browser: Browser, tmp_path: Path
) -> None:
    asked = (
        "return performance.getEntriesByType('resource').map((one) => one.name)"
        ".filter((name) => name.includes('image/'))"
        ".map((name) => Number(new URL(name).pathname.split('/').pop()))"
    )
    with desk(browser, tmp_path, "boxes") as there:
        until(lambda: browser.run(asked) == [0, 1, 2, 3])
        browser.press("Shift+Enter")
        there.shown(1)
        until(lambda: browser.run(asked) == [0, 1, 2, 3, 4])


@pytest.mark.slow
def test_pictures_and_masks_are_as_large_as_cameras_make_them(
    browser: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "things"
    folder.joinpath("images").mkdir(parents=True)
    folder.joinpath("masks").mkdir()
    Image.fromarray(np.full((3000, 4000, 3), 90, np.uint8)).save(folder / "images" / "0.jpg")
    for number in (1, 2):
        Image.fromarray(np.full((16, 24, 3), 90, np.uint8)).save(folder / f"images/{number}.png")
        ground = np.full((16, 24), number, np.uint8)
        Image.fromarray(ground).save(folder / f"masks/{number}.png")
    mask = np.zeros((3000, 4000), np.uint8)
    with desk(browser, tmp_path, "masks") as there:
        place = there.query.ids.index("images/0.jpg")
        for number in range(place):
            browser.press("Escape")
            there.shown(number + 1)
        line = [(500.5, 500.5), (3000.5, 700.5), (2500.5, 2500.5)]
        size = int(browser.text(".slider output").split()[0])
        window = np.array(there.on(*line)).round()
        path = browser.run(
            "const v = document.querySelector('#sample').viewer;"
            "return arguments[0].map(([x, y]) => v.at({ clientX: x, clientY: y }))",
            window.tolist(),
        )
        assert np.abs(np.array(path) - line).max() < (4000 / 400)
        zero = there.on((0, 0))
        there.drag(*line)
        assert there.on((0, 0)) == zero  # nothing moves under the hand
        painted(mask, path, size, 1)
        assert (decode_mask(there.keep(place), 2, void=True) == mask).all()


def runs_of(mask: np.ndarray) -> list[list[Point]]:
    """A stroke for each piece of a row that is painted."""
    found = []
    for y, row in enumerate(np.pad(mask, ((0, 0), (1, 1))) > 0):
        ends = np.flatnonzero(row[1:] != row[:-1]).tolist()
        found += [
            [(start + 0.5, y + 0.5), (end - 0.5, y + 0.5)]
            for start, end in zip(ends[::2], ends[1::2], strict=True)
        ]
    return found


@pytest.mark.slow
def test_a_campaign_learns_from_masks_that_a_person_drew_on_the_page(
    browser: Browser, campaign: Callable[..., Any], client: Any, folder: Path
) -> None:
    masks_folder(folder / "things", labelled=20, unlabelled=20)
    task: dict[str, Any] = {"data": "things", "image_size": 16, "classes": "1=thing,2=ground",
                            "background": "2", "ignore": "3", "encoder": "none"}  # fmt: skip
    asked = campaign(
        campaign="c", task="mask-folder", annotator="page", annotator_options="suggest=on",
        strategy="entropy", cycles=2, initial_size=3,
        query_size=3, epochs=1, checkpoints=1, validation_size=4,
        **task,
    )  # fmt: skip
    answers, drawn = folder / "annotate" / "c", dict[str, np.ndarray]()
    guessed = 0
    for cycle in (0, 1):
        asked.run()
        data = MaskFolder(**task).data()
        found = Page(data, "c", {"folder": str(answers), "suggest": "on"})
        (*_, keys) = found.log.queries()
        with found.attending():
            there = Desk(browser, found, Query((), (), (), (), "", ""))
            there.arrive(3 * cycle)
            for number, key in enumerate(keys):
                there.shown(3 * cycle + number)
                picture = data.picture(key[0])
                assert picture is not None
                drawn[key[0]] = (picture.mean(axis=2) > 100).astype(np.uint8)
                if browser.sees(".picture-note"):  # what the model drew
                    guessed += 1
                    browser.press("Shift+Delete")
                browser.strokes([there.on(*path) for path in runs_of(drawn[key[0]])])
                browser.press("Enter")
                until(lambda key=key, log=found.log: key in log.answers())  # type: ignore[misc]
        browser.open("about:blank")
    asked.run()
    (*_, last) = runs(client, role="cycle")
    labels = table(client, last, "state/labels.parquet")
    labels = labels[labels["annotator"] == "anna"]
    assert (len(labels), guessed) == (6, 3)
    for row in labels.itertuples():
        own = decode_mask(data.on_picture(row.id, json.loads(row.label)), 2, void=True)
        assert (own == drawn[row.id]).all()


@pytest.mark.slow
def test_an_answer_that_is_gone_back_to_is_drawn_as_it_was_given(
    browser: Browser, tmp_path: Path
) -> None:
    with desk(browser, tmp_path, "boxes") as there:
        there.drag((2, 3), (5, 5), (8, 9))
        first = there.keep(0)
        there.shown(1)
        there.arrive(1)
        browser.press("ArrowLeft")
        there.shown(0)
        until(lambda: browser.run("return document.querySelectorAll('.over .box').length") == 1)
        there.drag((12, 3), (15, 5), (18, 9))
        browser.press("Enter")
        there.shown(1)
        kept = there.page.log.answers()[there.query.ids[0], False]["anna"].label
        assert kept == [*first, {"label": first[0]["label"], "box": [12, 3, 6, 6]}]


@pytest.mark.slow
def test_one_of_many_classes_is_found_by_typing(browser: Browser, tmp_path: Path) -> None:
    names = ("RBC", "WBC", *(f"class {chr(97 + n)}" for n in range(10)), "blood platelet")
    images = np.full((3, 16, 24, 3), 90, np.uint8)
    none = [np.empty((0, 5), np.float32)] * 3
    data = ArrayLoader(["a", "b", "c"], images, none, names, ["c"], "boxes")
    found = Page(data, "c", {"folder": str(tmp_path)})
    query = Query(("a", "b"), (0.0,) * 2, ("margin",) * 2, (None,) * 2, "margin", "none")
    found.request(query)
    with found.attending():
        there = Desk(browser, found, query)
        there.arrive()
        browser.press("/")
        browser.press(*"plat", "Enter")
        there.drag((2, 3), (5, 5), (8, 9))
        browser.press("Escape", "2")
        there.drag((12, 3), (15, 5), (18, 9))
        assert [one["label"] for one in there.keep(0)] == ["blood platelet", "WBC"]
    browser.open("about:blank")


@pytest.mark.slow
def test_where_no_class_is_the_background_something_has_to_be_drawn(
    browser: Browser, tmp_path: Path
) -> None:
    images, none = np.full((3, 16, 24, 3), 90, np.uint8), np.zeros((3, 16, 24), np.uint8)
    data = ArrayLoader(["a", "b", "c"], images, none, ["sky", "<b>road</b>"], ["c"], "scene")
    found = Page(data, "c", {"folder": str(tmp_path)})
    query = Query(("a", "b"), (0.0,) * 2, ("margin",) * 2, (None,) * 2, "margin", "none")
    found.request(query)
    with found.attending():
        there = Desk(browser, found, query)
        there.arrive()
        browser.press("Shift+Enter")
        assert there.trouble() == "Nothing is drawn yet: draw, or skip."
        assert "<b>road</b>" in browser.text(".pens")
        browser.press("f", "2")
        there.drag((3.5, 3.5))
        browser.press("1", "b", "[", "[", "[")
        there.drag((2.5, 2.5), (9.5, 2.5))
        mask = np.ones(SIZE, np.uint8)
        mask[2, 2:10] = 0
        assert (decode_mask(there.keep(0), 2, void=True) == mask).all()
    browser.open("about:blank")
