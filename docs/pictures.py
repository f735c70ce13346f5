"""The pictures of docs/images that show MLflow and queries, made on a fresh store.

python -m docs.pictures [FOLDER]     needs chromium and chromedriver; a minute or two
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow

import al
from al.tracking.ui import pages, serving
from tests.browser import Browser, until

IMAGES = Path(__file__).with_name("images")
#: Clicks the innermost element of a selector whose text begins so, if there is one.
CLICK = """
const found = [...document.querySelectorAll(arguments[0])]
  .filter(e => e.innerText.replace(/\\s+/g, " ").trim().startsWith(arguments[1])).pop();
if (found) found.click();
return !!found;
"""
#: The charts that are drawn.
CHART = "document.querySelectorAll('.js-plotly-plot')"
#: Opens the row of the runs table with that name.
EXPAND = """
const row = [...document.querySelectorAll("[role=row]")]
  .find(e => e.innerText.split("\\n").includes(arguments[0]));
const all = document.querySelectorAll(`[row-id="${row && row.getAttribute("row-id")}"] button`);
if (all.length) all[0].click();
return all.length > 0;
"""


def main(to: Path) -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        store = f"sqlite:///{folder}/mlflow.db"
        campaign(store, "digits", query_size=20)
        campaign(store, "nuclei", cycles=2, baseline="none", initial_size=20, batch_size=4)
        campaign(store, "bccd", cycles=2, baseline="none", initial_size=20, batch_size=4)
        client = mlflow.MlflowClient(store)
        for task, name in (("nuclei", "query-masks"), ("bccd", "query-boxes")):
            shutil.copy(query_of(client, task, 2), to / f"{name}.png")
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            port = door.getsockname()[1]
        with serving(store, port):
            browser = Browser(folder / "profile", size="1500,940")
            try:
                screens(browser, dict(reversed(pages(store, port))), client, to)
            finally:
                browser.close()


def campaign(store: str, task: str, **parameters: Any) -> None:
    """Run a campaign of a task, named as it would be."""
    al.Campaign(
        task=task, tracking_uri=store, experiment=task, report="off", show_progress=False,
        **parameters,
    ).run()  # fmt: skip


def query_of(client: mlflow.MlflowClient, task: str, cycle: int) -> str:
    """The contact sheet of a cycle's query."""
    experiment = client.get_experiment_by_name(task)
    assert experiment is not None
    search = f"tags.`al.step` = 'select-data' and tags.`al.cycle` = '{cycle}'"
    (run,) = client.search_runs([experiment.experiment_id], search, max_results=1)
    return client.download_artifacts(run.info.run_id, "query.png")


def screens(browser: Browser, at: dict[str, str], client: mlflow.MlflowClient, to: Path) -> None:
    """What the UI shows of the campaign on digits."""
    digits = client.get_experiment_by_name("digits")
    assert digits is not None
    server = at["models"].partition("/#")[0]
    runs = f"{server}/#/experiments/{digits.experiment_id}/runs"

    def page(address: str, text: str) -> None:
        browser.open(at["models"])
        browser.run("localStorage.clear()")  # else the page before says what this one shows
        browser.open(address)
        until(lambda: text in browser.text("body"), 120)
        browser.run(CLICK, "button[aria-label=Close]", "")  # the assistant beside it

    page(f"{runs}?{at['curves'].partition('?')[2]}", "digits-auto-seed0")
    field = "input[placeholder='Search metric charts']"
    until(lambda: browser.sees(field))
    browser.click(field)
    browser.press(*"test/accuracy")
    until(lambda: browser.run(f"return {CHART}.length") == 1)
    browser.run(
        "document.querySelector('[data-testid=draggable-chart-cards-grid]')"
        ".style.gridTemplateColumns = '1fr'; document.activeElement.blur();"
        "const style = document.createElement('style');"
        "style.textContent = '.modebar { display: none }'; document.head.append(style);"
        "window.dispatchEvent(new Event('resize'))"
    )
    settled(browser, to / "ui-learning-curves.png")

    page(f"{runs}?workflowType=machine_learning&viewStateShareKey=al-accuracy", "by random")
    settled(browser, to / "ui-table.png")

    page(f"{runs}?workflowType=machine_learning", "digits-auto-seed0")
    for row in ("digits-auto-seed0", "cycle 10"):
        until(lambda row=row: browser.run(EXPAND, row))  # type: ignore[misc]
    settled(browser, to / "ui-runs.png")

    search = "tags.`al.step` = 'select-data' and tags.`al.cycle` = '4'"
    (query,) = client.search_runs([digits.experiment_id], search, max_results=1)
    page(f"{runs}/{query.info.run_id}/artifacts/query.png", "query.png")
    until(lambda: browser.run("return [...document.images].some(i => i.naturalWidth > 300)"))
    settled(browser, to / "ui-query.png")

    version = "models/digits-auto-seed0/versions/2?workflowType=machine_learning"
    page(f"{server}/#/{version}", "Registered At")
    browser.run(CLICK, "button[role=switch]", "")  # the registry as it was
    until(lambda: browser.run(CLICK, "button", "Disable"))
    until(lambda: browser.run(CLICK, "button, [role=button], .du-bois-light-tag, span", "Archived"))
    until(lambda: browser.run(CLICK, "[role=menuitem], li", "Transition to Production"))
    until(lambda: "Stage transition" in browser.text("body"))
    settled(browser, to / "ui-promote.png")


def settled(browser: Browser, path: Path) -> None:
    """A picture, once two in a row are the same."""
    before = b""

    def same() -> bool:
        nonlocal before
        browser.screenshot(path)
        now, last = path.read_bytes(), before
        before = now
        return now == last

    until(same)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
