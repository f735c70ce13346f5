"""The pictures of docs/images that show the page, on a desk and on a phone.

python -m docs.pictures_page [FOLDER]     needs chromium and chromedriver, and AL_DATA_DIR

What is suggested for intents is a linear model's guess, as in `benchmarks.page`; the boxes and
masks that are drawn are the true ones.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from al.annotators.page import Page
from al.catalog import tasks
from al.contracts import AUDIT, Query
from benchmarks.page import guesses
from tests.browser import Browser, until

IMAGES = Path(__file__).with_name("images")
READY = "return document.getElementById('work').dataset.ready"
HOW = """# Intents

Choose the **one** intent that the customer has, by what is asked for first.

* `pending_…` is on its way, `failed_…` never went out
* a card that was stolen is *lost or stolen*, whatever else is asked
"""


@contextmanager
def served(browser: Browser, task: str, asked: int = 24, **options: str) -> Iterator[Page]:
    """The page of a task, open in the browser; each fifth sample counts in an estimate."""
    data = tasks.get(task)().data()
    data.freeze(data.propose_splits(100, 0))
    ids = tuple(np.random.default_rng(4).choice(data.ids("train"), asked, False).tolist())
    more: dict[str, Any] = {"predicted": tuple(data.truth(ids)), "confidence": (0.9,) * asked}
    if task == "banking77":
        more = {name: tuple(said) for name, said in guesses(task, data, ids, 5000).items()}
    with tempfile.TemporaryDirectory() as folder:
        how = Path(folder) / "how.md"
        how.write_text(HOW, encoding="utf-8")
        given = {"folder": folder, "suggest": "on", **options}
        if task == "banking77":
            given["instructions"] = str(how)
        found = Page(data, task, given)
        reasons = tuple(AUDIT if rank % 5 == 4 else "margin" for rank in range(asked))
        query = (ids, (0.0,) * asked, reasons, (None,) * asked, "margin", f"models:/{task}/3")
        found.request(Query(*query, **more))
        with found.attending():
            browser.open(found.where)
            until(lambda: browser.sees("#hello") or browser.run(READY))
            browser.run(
                "localStorage.clear(); localStorage.setItem('annotator', 'Anna');"
                f"localStorage.setItem('guided {task}', '1')"
            )
            browser.reload()
            until(lambda: browser.run(READY))
            yield found
        browser.open("about:blank")


def say(browser: Browser, *keys: str) -> None:
    """Answer, and wait for the next sample; people take a moment."""
    time.sleep(2)
    place = browser.run(READY)
    browser.press(*keys)
    until(lambda: browser.run(READY) not in ("", place) or browser.sees("#over"))


def main(to: Path) -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        try:
            browser.becomes(1280, 760)
            with served(browser, "banking77"):
                for _ in range(4):
                    say(browser, " ")
                browser.press(*"crd lost")
                browser.screenshot(to / "page-search.png")
                browser.press("Escape")
                say(browser, "Escape")
                browser.screenshot(to / "page.png")
                browser.press("F4")
                until(lambda: browser.sees("#panel"))
                browser.screenshot(to / "page-guide.png")
            with served(browser, "bccd", 8):
                browser.screenshot(to / "page-boxes.png")
            browser.becomes(1280, 760, dark=True)
            with served(browser, "nuclei", 8):
                browser.screenshot(to / "page-masks.png")
            browser.becomes(390, 720, touch=True)
            with served(browser, "banking77"):
                browser.screenshot(to / "page-phone.png")
        finally:
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else IMAGES)
