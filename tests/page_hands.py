"""Where things are under a hand that draws on the page, and what its strokes leave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.browser import Browser

Point = tuple[float, float]
#: The middle of the left edge of two characters, by UTF-16 units.
EDGES = """
const p = document.querySelector('#sample p');
const at = (unit) => {
  const walk = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
  let node, left = unit;
  while ((node = walk.nextNode()) && left > node.length) left -= node.length;
  const range = document.createRange();
  range.setStart(node, left);
  range.collapse(true);
  const box = range.getClientRects()[0] ?? range.getBoundingClientRect();
  return [box.left, box.top + box.height / 2];
};
return [at(arguments[0]), at(arguments[1])];
"""


def points_on(browser: Browser, points: Sequence[Point]) -> list[Point]:
    """Where pixels of the picture are in the window.

    A line of trouble that has just gone leaves more room, which the browser tells the viewer
    with its next frame only: it looks at once.
    """
    found = browser.run(
        "const v = document.querySelector('#sample').viewer; v.resized();"
        "const { left, top } = v.stage.getBoundingClientRect();"
        "return arguments[0].map((at) => v.onto(...at)).map(([x, y]) => [x + left, y + top])",
        [list(map(float, point)) for point in points],
    )
    return [(x, y) for x, y in found]


def text_points(browser: Browser, text: str, start: int, end: int) -> list[Point]:
    """Where two characters of the text begin in the window; they count in code points."""
    units = [len(text[:at].encode("utf-16-le")) // 2 for at in (start, end)]
    return [(x, y) for x, y in browser.run(EDGES, *units)]


def painted(mask: np.ndarray, path: Sequence[Point], size: int, value: int) -> None:
    """What a brush leaves: pixels whose centre is within half its size of the line."""
    centres = [np.floor(np.array(point)) + 0.5 for point in path]
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    for start, end in zip(centres, centres[1:] or centres, strict=False):
        along = end - start
        share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(along @ along, 1e-12)
        share = share.clip(0, 1)
        far = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
        mask[far <= size / 2 + 1e-9] = value


def flooded(mask: np.ndarray, x: int, y: int, value: int) -> None:
    old, waiting = mask[y, x], [(y, x)]
    while waiting:
        row, column = waiting.pop()
        inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
        if inside and mask[row, column] == old:
            mask[row, column] = value
            waiting += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
