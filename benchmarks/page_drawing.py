"""Whether drawing a mask costs more on a large picture: the page in Chromium, without a screen.

    python -m benchmarks.page_drawing

The same stroke, of the same brush in pixels of the picture, is drawn by a mouse on a small and
on a large picture of noise. `move` is what the page does for one move of the mouse, `frame` the
time between two frames meanwhile, `keep` the time from Enter until the next picture is there.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from PIL import Image

from al.annotators.page import Page
from al.contracts import Query
from al.tasks.mask_folder import MaskFolder
from benchmarks.common import Row, report
from tests.browser import MISSING, Browser, until

#: Width and height.
SIZES = {"small": (400, 300), "large": (4000, 3000)}
WATCH = """
const stage = document.querySelector('.stage');
const all = window.watched = { moves: [], frames: [] };
let begun = 0, last = 0;
addEventListener('pointermove', () => { begun = performance.now(); }, true);
addEventListener('pointermove', () => {
  if (document.querySelector('#sample').viewer.hand.gesture === 'tool') {
    all.moves.push(performance.now() - begun);
  }
});
(function frame(now) {
  if (document.querySelector('#sample').viewer.hand.gesture === 'tool') {
    if (last) all.frames.push(now - last);
    last = now;
  } else last = 0;
  requestAnimationFrame(frame);
})(performance.now());
"""


def folder_of(root: Path, size: tuple[int, int], pictures: int) -> Path:
    """Pictures to draw on, and two masks that say what the classes are."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for row in range(pictures):
        coarse = rng.integers(0, 255, (size[1] // 20, size[0] // 20, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        picture.save(root / "images" / f"{row}.jpg", quality=90)
    for row in (1, 2):
        Image.fromarray(np.full((16, 16, 3), 99, np.uint8)).save(root / "images" / f"z{row}.png")
        mask = np.full((16, 16), row, np.uint8)
        Image.fromarray(mask).save(root / "masks" / f"z{row}.png")
    return root


def drawn(browser: Browser, folder: Path, size: tuple[int, int], strokes: int) -> dict[str, float]:
    """What drawing on pictures of a size costs, medians in milliseconds."""
    root = folder_of(folder / "data", size, strokes + 1)
    data = MaskFolder(str(root), 64, classes="1=a,2=b", background="2", encoder="none").data()
    page = Page(data, "c", {"folder": str(folder / "answers")})
    ids = tuple(id for id in data.ids("train") if id.endswith(".jpg"))
    count = len(ids)
    page.request(Query(ids, (0.0,) * count, ("margin",) * count, (None,) * count, "margin", "none"))
    moves, frames, kept = list[float](), list[float](), list[float]()
    with page.attending():
        browser.open(page.where)
        browser.run("localStorage.setItem('annotator', 'anna')")
        browser.reload()
        for place in range(strokes):
            until(lambda place=place: _shown(browser) == place)  # type: ignore[misc]
            browser.run(WATCH)
            browser.run(
                "document.querySelector('.slider input').value = 8;"
                "document.querySelector('.slider input').dispatchEvent(new Event('input'))"
            )
            browser.drag(*_path(browser))
            found: dict[str, Any] = browser.run("return window.watched")
            moves += found["moves"]
            frames += found["frames"]
            browser.run(
                "window.kept = 0; const begun = performance.now(), viewer = "
                "document.querySelector('#sample').viewer, before = viewer.image;"
                "addEventListener('keydown', () => { window.begun = performance.now(); },"
                " { capture: true, once: true });"
                "(function look() { if (viewer.image && viewer.image !== before)"
                " window.kept = performance.now() - window.begun; else requestAnimationFrame(look);"
                "})()"
            )  # fmt: skip
            browser.press("Enter")
            until(lambda: browser.run("return window.kept"))
            kept.append(browser.run("return window.kept"))
    browser.open("about:blank")
    middle = {"move": moves, "frame": frames, "keep": kept}
    return {name: float(np.median(values)) for name, values in middle.items()}


def _shown(browser: Browser) -> int:
    said = browser.run("return document.querySelector('#sample').viewer?.image?.alt ?? ''")
    return int(said.removeprefix("Sample ") or 0) - 1


def _path(browser: Browser) -> list[tuple[float, float]]:
    """A wave across the picture, in 120 moves."""
    left, top, wide, high = browser.run(
        "const v = document.querySelector('#sample').viewer, r = v.stage.getBoundingClientRect();"
        "return [r.left + v.x, r.top + v.y, v.width * v.scale, v.height * v.scale]"
    )
    along = np.linspace(0.1, 0.9, 120)
    return [(left + x * wide, top + high * (0.5 + 0.3 * np.sin(9 * x))) for x in along]


@click.command()
@click.option("--strokes", default=5, show_default=True, help="Strokes and pictures of a size.")
def main(strokes: int) -> None:
    """Print what drawing costs."""
    if MISSING:
        raise click.ClickException(MISSING)
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        browser = Browser(Path(folder) / "profile")
        try:
            found = {
                name: drawn(browser, Path(folder) / name, size, strokes)
                for name, size in SIZES.items()
            }
        finally:
            browser.close()
    for what in ("move", "frame", "keep"):
        small, large = found["small"][what], found["large"][what]
        said = {name: f"{one[what]:.1f}" for name, one in found.items()}
        rows.append({"milliseconds": what, **said, "ratio": f"{large / max(small, 0.05):.1f}"})
    report("page_drawing", {"a stroke of a mask": rows}, strokes=strokes)


if __name__ == "__main__":
    main()
