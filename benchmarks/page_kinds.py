"""How many keys, strokes of the mouse and seconds an answer takes on the page, by kind of label.

    AL_DATA_DIR=… python -m benchmarks.page_kinds
    AL_DATA_DIR=… python -m benchmarks.page_kinds --samples 3 --data bccd

The scripted person of the tests answers samples of published data in Chromium, rightly and with
no guess shown: looks at each for `READ` seconds, needs `KEY` for each key and `STROKE` for each
stroke or click of the mouse. Boxes are all boxes of the picture, a mask is a polygon of up to 14
corners and two strokes of the brush. Seconds are those that the page records with the answers;
what driving the browser takes is among them, so a person of this pace is no slower.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import click

from benchmarks.common import Row, report
from tests.browser import Browser, until
from tests.page_person import Person
from tests.page_process import REAL, page

#: Seconds that the person looks at a sample, for a key, and for a stroke of the mouse.
READ, KEY, STROKE = 0.6, 0.12, 0.5


def measured(browser: Browser, kind: str, samples: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        found, query = page(folder, kind, samples)
        with found.attending():
            browser.open(found.where)
            browser.run("localStorage.clear(); localStorage.setItem('annotator', 'anna')")
            browser.reload()
            person = Person(browser, key=KEY, stroke=STROKE)
            for place, id in enumerate(query.ids):
                person.sees(place)
                time.sleep(READ)
                person.answers(found.data, id)
            until(lambda: browser.sees("#over"))
        answers = found.collect(query).answered
        browser.open("about:blank")
    return {
        "data": kind,
        "keys an answer": f"{person.keys / samples:.1f}",
        "strokes an answer": f"{person.strokes / samples:.1f}",
        "seconds an answer": f"{statistics.mean(one.seconds or 0 for one in answers):.1f}",
    }


@click.command()
@click.option("--samples", default=6, show_default=True)
@click.option(
    "--data", "names", multiple=True, default=["digits", *REAL], show_default=True,
    help="Data set; may be given several times.",
)  # fmt: skip
def main(samples: int, names: tuple[str, ...]) -> None:
    """Keys, strokes and seconds an answer, by kind of label."""
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(Path(folder), size="1280,900")
        try:
            rows = [measured(browser, name, samples) for name in names]
        finally:
            browser.close()
    report("page_kinds", {f"{samples} samples each": rows})


if __name__ == "__main__":
    main()
