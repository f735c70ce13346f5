"""How many keys and seconds an answer takes on the page, against the page of before.

    python -m benchmarks.page
    python -m benchmarks.page --samples 10 --task digits

A scripted person answers the same samples of banking77 (77 classes) and digits in Chromium,
rightly: who looks at a new sample for a moment (`READ`), then presses keys at a typist's pace
(`KEY`). To find a class among many the name is typed until its class is framed; a class that
has a key of its own, or is suggested, takes that key. The guesses are those of a linear model
of the words (of the pixels) that learned from `LABELLED` samples, so some of them are wrong.
The page of before is served from the commit that `--before` names, by its own code. What lies
between the last key of an answer and the next sample's being painted is measured in the
browser. No person is a script: their reading takes longer, and what is saved is the keys.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from al.catalog import tasks
from al.contracts import DataLoader
from benchmarks.common import Row, report
from tests.browser import Browser, until

ROOT = Path(__file__).parents[1]
#: The page of before: one file, alphabetical, nothing suggested.
BEFORE = "c6858e0"
#: Seconds that the person looks at a sample, and between two keys.
READ, KEY = 0.6, 0.12
#: Samples that the guesses are learned from.
LABELLED = {"banking77": 1000, "digits": 100}
SERVE = """
import json, sys
from al.annotators.page import Page
from al.catalog import tasks
from al.contracts import Query
task, folder, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
data = tasks.get(task)().data()
data.freeze(data.propose_splits(100, 0))
asked = json.load(open(folder + "/query.json"))
many = len(asked["ids"])
more = {} if not asked["likely"] else {
    "predicted": tuple(asked["predicted"]), "confidence": tuple(asked["confidence"]),
    "likely": tuple(tuple(map(tuple, one)) for one in asked["likely"])}
page = Page(data, "c", {"folder": folder, **options})
page.request(Query(tuple(asked["ids"]), (0.0,) * many, ("margin",) * many, (None,) * many,
                   "margin", "models:/m/1", **more))
page.serve()
"""
#: Notes when the last key of each answer came, and when the next sample was painted.
WATCH = """
window.took = []; let pressed = 0, before = null;
document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
const name = () => { const image = document.querySelector("#sample img");
  return image ? image.complete && image.naturalWidth ? image.src : null
    : document.querySelector("#sample p")?.textContent ?? null; };
const look = () => { const now = name();
  if (now !== null && now !== before) {
    if (before !== null) took.push(performance.now() - pressed);
    before = now; }
  requestAnimationFrame(look); };
look();
"""


def guesses(task: str, data: DataLoader, ids: tuple[str, ...], labelled: int = 0) -> dict[str, Any]:
    """What a model that learned from few labels believes of the samples."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    others = [id for id in data.ids("train") if id not in set(ids)]
    drawn = (
        np.random.default_rng(0).choice(others, labelled or LABELLED[task], replace=False).tolist()
    )
    if task == "banking77":
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        known = words.fit_transform([str(data.preview(id).text) for id in drawn])
        asked = words.transform([str(data.preview(id).text) for id in ids])
    else:
        known, asked = data.features(drawn), data.features(ids)
    model = LogisticRegression(C=20, max_iter=2000).fit(known, data.truth(drawn))
    shares = model.predict_proba(asked)
    order = np.argsort(-shares, axis=1)[:, :9]
    likely = [
        [[str(model.classes_[c]), float(share[c])] for c in best]
        for best, share in zip(order, shares, strict=True)
    ]
    return {"predicted": [one[0][0] for one in likely],
            "confidence": [one[0][1] for one in likely], "likely": likely}  # fmt: skip


@contextmanager
def served(code: Path, task: str, asked: Mapping[str, Any], **options: str) -> Iterator[str]:
    """The page of some code, by its address."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "query.json").write_text(json.dumps(asked))
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE, task, folder, json.dumps(options)],
            cwd=code, env=dict(os.environ), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        address = Path(folder) / ".page.json"
        try:
            until(address.exists, 120)
            kept = json.loads(address.read_text())
            yield f"http://127.0.0.1:{kept['port']}/{kept['token']}/"
        finally:
            server.kill()
            server.wait()


def framed(browser: Browser) -> str:
    return str(browser.run(
        "const b = document.querySelector('#choices button.first, #choices .first'); return b ? "
        "b.dataset.name ?? [...b.childNodes].filter((n) => n.nodeType === 3)"
        ".map((n) => n.data).join('') : ''"
    ))  # fmt: skip


def press(browser: Browser, key: str) -> int:
    time.sleep(KEY)
    browser.press(key)
    return 1


def answer(browser: Browser, truth: str) -> int:
    """Answer rightly; returns how many keys that took."""
    offered, key = browser.run(
        "const at = document.querySelector('#accept:not([hidden]) #accept-what');"
        "const b = [...document.querySelectorAll('#choices button')]"
        "  .find((one) => one.dataset.name === arguments[0]);"
        "return [at ? at.textContent.split(' ·')[0] : null,"
        "        b ? b.getAttribute('aria-keyshortcuts') : null]",
        truth,
    )
    if offered == truth:
        return press(browser, " ")
    if key or len(truth) == 1:
        return press(browser, key or truth)
    keys = 0
    for letter in truth.lower().replace("_", " "):
        if framed(browser) == truth:
            break
        keys += press(browser, letter)
    while framed(browser) != truth:  # another class's name begins with this one
        keys += press(browser, "ArrowDown")
    return keys + press(browser, "Enter")


def answered(browser: Browser, url: str, truths: list[str]) -> Row:
    """All samples answered by the person: what an answer took."""
    browser.open(url)
    browser.run("localStorage.clear(); localStorage.setItem('annotator', 'anna')")
    browser.reload()
    until(lambda: browser.sees("#work"))
    until(lambda: browser.run("return !!document.querySelector('#sample p, #sample img')"))
    time.sleep(0.5)
    browser.run(WATCH)
    keys, start = [], time.monotonic()
    for place, truth in enumerate(truths):
        time.sleep(READ)
        keys.append(answer(browser, truth))
        count = f"{place + 1} of {len(truths)}"
        until(lambda count=count: browser.text("#count") == count)  # type: ignore[misc]
    seconds = (time.monotonic() - start) / len(truths)
    took = sorted(browser.run("return took"))
    return {
        "keys an answer": f"{statistics.mean(keys):.2f}",
        "most": max(keys),
        "one key": f"{np.mean(np.array(keys) == 1):.0%}",
        "seconds an answer": f"{seconds:.2f}",
        "next sample, ms": f"{statistics.median(took):.0f}",
        "worst, ms": f"{took[-1]:.0f}",
    }


@click.command()
@click.option("--samples", default=40, show_default=True)
@click.option("--task", "names", multiple=True, default=["banking77", "digits"], show_default=True)
@click.option("--before", default=BEFORE, show_default=True, help="Commit of the page of before.")
def main(samples: int, names: tuple[str, ...], before: str) -> None:
    """Keys and seconds an answer, by a scripted person."""
    tables: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "before"
        old.mkdir()
        code = subprocess.run(["git", "archive", before], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "x"], cwd=old, input=code.stdout, check=True)
        browser = Browser(Path(folder) / "profile")
        try:
            for name in names:
                data = tasks.get(name)().data()
                data.freeze(data.propose_splits(100, 0))
                drawn = np.random.default_rng(1).choice(data.ids("train"), samples, replace=False)
                ids = tuple(str(id) for id in drawn)
                truths = [str(truth) for truth in data.truth(ids)]
                plain: dict[str, Any] = {"ids": ids, "likely": []}
                guessed = {"ids": ids, **guesses(name, data, ids)}
                pairs = list(zip(truths, guessed["likely"], strict=True))
                right = np.mean([truth == likely[0][0] for truth, likely in pairs])
                among = np.mean([truth in dict(likely) for truth, likely in pairs])
                said = f"the guess is right of {right:.0%}, of {among:.0%} among the nine likeliest"
                rows = tables[f"{name}, {samples} samples: {said}"] = []
                ways: list[tuple[str, Path, dict[str, Any], dict[str, str]]] = [
                    (f"before ({before})", old, plain, {}),
                    ("now, suggest=off", ROOT, plain, {}),
                    ("now, suggest=on", ROOT, guessed, {"suggest": "on"}),
                ]
                for way, at, asked, options in ways:
                    with served(at, name, asked, **options) as url:
                        rows.append({"page": way, **answered(browser, url, truths)})
                    click.echo(f"{name}: {way} done", err=True)
        finally:
            browser.close()
    report("page", tables)


if __name__ == "__main__":
    main()
