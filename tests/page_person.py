"""A person at the page: sees what is on the screen, and answers by keyboard and mouse.

Each of these answers the sample on the screen and returns what the person meant, in the form
that the pipeline collects.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from al.annotators.label_studio.shapes import fill_polygon
from al.contracts import DataLoader
from al.kinds import kind_of
from al.masks import VOID, decode_mask, encode_mask
from tests.browser import Browser, until
from tests.page_hands import Point, painted, points_on, text_points

FRAMED = "return document.querySelector('#choices .first')?.dataset.name ?? ''"
KEY_OF = """
const found = [...document.querySelectorAll('#choices button')]
  .find((one) => one.dataset.name === arguments[0]);
return found?.getAttribute('aria-keyshortcuts') ?? '';
"""
#: What is framed in the text, as it begins and ends, in UTF-16 units.
PICKED = """
const all = [...document.querySelectorAll('#sample .picked')], range = document.createRange();
if (!all.length) return [-1, -1];
range.setStart(document.querySelector('#sample p'), 0);
range.setEndBefore(all[0]);
const start = range.toString().length;
return [start, start + all.map((one) => one.textContent).join('').length];
"""


class Person:
    """Somebody with a keyboard and a mouse.

    Args:
        key, stroke: seconds that pass before each key, and before each stroke of the mouse.

    Attributes:
        keys: pressed so far.
        strokes: of the mouse so far, clicks among them.
    """

    def __init__(self, browser: Browser, *, key: float = 0, stroke: float = 0) -> None:
        self.browser = browser
        self._key, self._stroke = key, stroke
        self.keys = self.strokes = 0

    def sees(self, place: int) -> None:
        """Wait until a sample is on the screen and takes an answer."""
        ready = "return document.getElementById('work').dataset.ready"
        until(lambda: self.browser.run(ready) == str(place), 60)

    def press(self, *keys: str) -> None:
        self.keys += len(keys)
        time.sleep(self._key * len(keys))
        self.browser.press(*keys)

    def drag(self, *points: Point) -> None:
        self.strokes += 1
        time.sleep(self._stroke)
        self.browser.drag(*points)

    def click(self, css: str) -> None:
        self.strokes += 1
        time.sleep(self._stroke)
        self.browser.click(css)

    def answers(self, data: DataLoader, id: str, *, odd: bool = False) -> Any:
        """Answer the sample on the screen rightly; what was meant.

        Args:
            odd: in another way than usual: a class by the mouse, a number with a comma.
        """
        (truth,) = data.truth([id])
        ways: dict[str, Callable[[], Any]] = {
            "choice": lambda: self.clicks(truth) if odd else self.chooses(truth),
            "value": lambda: self.types(f"{truth:.0f}{',25' if odd else ''}"),
            "rectangles": lambda: self.draws_boxes(truth, data.spec.classes),
            "regions": lambda: self.paints(data.on_picture(id, truth)),
            "spans": lambda: self.marks(str(data.preview(id).text), truth, data.spec.classes),
        }
        return ways[kind_of(data.spec).form]()

    # -- kinds -----------------------------------------------------------------------------------

    def chooses(self, name: str) -> str:
        """A class, by its key, else by typing its name until it is framed."""
        if key := self.browser.run(KEY_OF, name):
            self.press(key)
            return name
        for letter in name.lower().replace("_", " "):
            if self.browser.run(FRAMED) == name:
                break
            self.press(letter)
        while self.browser.run(FRAMED) != name:  # the name begins another one
            self.press("ArrowDown")
        self.press("Enter")
        return name

    def clicks(self, name: str) -> str:
        """A class, by the mouse."""
        self.click(f"#choices button[data-name='{name}']")
        return name

    def types(self, number: str) -> float:
        self.press(*number, "Enter")
        return float(number.replace(",", "."))

    def draws_boxes(self, boxes: list[dict[str, Any]], classes: tuple[str, ...]) -> Any:
        """Boxes along the pixels of the picture that are nearest."""
        meant = []
        for box in boxes:
            x, y, wide, high = box["box"]
            corners = [(round(x), round(y)), (round(x + wide), round(y + high))]
            (left, top), (right, bottom) = corners
            over = [((left + right) / 2, (top + bottom) / 2)]
            self.drag(*points_on(self.browser, [corners[0], *over, corners[1]]))
            self.press(str(classes.index(box["label"]) + 1), "Escape")
            place = [left, top, right - left, bottom - top]
            meant.append({"label": box["label"], "box": place})
        self.press("Enter")
        return meant

    def paints(self, truth: dict[str, Any]) -> Any:
        """The first class as a polygon, an edge of which nobody knows, and a piece rubbed out.

        Args:
            truth: the mask that the person has in mind, at the picture's own size; the outline
                is as coarse as a person's.
        """
        wanted = decode_mask(truth, 2, void=True) == 1
        mask = np.zeros(wanted.shape, np.uint8)
        corners = outline(wanted)
        self.press("p", "1")
        shown = [points_on(self.browser, [corner])[0] for corner in corners]
        for point in shown:
            self.drag(point)
        self.press("Enter")
        zero, one = np.array(points_on(self.browser, [(0, 0), (1, 1)]))
        mask[fill_polygon((np.array(shown).round() - zero) / (one - zero), *mask.shape)] = 1
        middle = np.argwhere(wanted).mean(axis=0).round()[::-1] + 0.5
        for keys, path, value in (
            (("b", "2"), corners[:3], VOID),
            (("e",), [tuple(middle), (middle[0] + 9, middle[1] + 5)], 0),
        ):
            path = [(np.floor(x) + 0.5, np.floor(y) + 0.5) for x, y in path]
            self.press(*keys)
            size = int(self.browser.text(".slider output").split()[0])
            self.drag(*points_on(self.browser, path))
            painted(mask, path, size, value)
        self.press("Enter")
        return encode_mask(mask)

    def marks(self, text: str, entities: list[dict[str, Any]], classes: tuple[str, ...]) -> Any:
        """Entities; the first one by the mouse, the others by the keyboard."""
        for number, entity in enumerate(entities):
            if number:
                self.walks(text, entity["start"], entity["end"])
            else:
                self.drag(*text_points(self.browser, text, entity["start"], entity["end"]))
            self.press(str(classes.index(entity["label"]) + 1))
        self.press("Enter" if entities else "-")
        return entities

    def walks(self, text: str, start: int, end: int) -> None:
        """Go to a word by the keyboard, and select up to another one."""
        first, last = (len(text[:at].encode("utf-16-le")) // 2 for at in (start, end))
        for key, side, goal in (("ArrowRight", 0, first), ("Shift+ArrowRight", 1, last)):
            before = None
            while (now := self.browser.run(PICKED))[side] < goal and now != before:
                self.press(key)
                before = now
        assert self.browser.run(PICKED) == [first, last]


def outline(wanted: np.ndarray, corners: int = 14) -> list[Point]:
    """A polygon around what is wanted, as seen from its middle; a corner in each direction."""
    y, x = np.nonzero(wanted)
    across, down = x + 0.5 - x.mean(), y + 0.5 - y.mean()
    sector = ((np.arctan2(down, across) / np.pi + 1) / 2 * corners).astype(int) % corners
    far = np.hypot(across, down)
    found = []
    for one in range(corners):
        mine = np.flatnonzero(sector == one)
        if len(mine):
            best = mine[far[mine].argmax()]
            found.append((float(x[best]) + 0.5, float(y[best]) + 0.5))
    return found
