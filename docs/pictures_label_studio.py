"""The picture of docs/images that shows Label Studio.

python -m docs.pictures_label_studio [FOLDER]     needs chromium, chromedriver and make label-studio
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import al
from al.annotators.label_studio import LabelStudio
from al.tasks.digits import Digits
from tests.browser import Browser, until
from tests.label_studio_server import PASSWORD, USER, LabelStudioServer, prepare

IMAGES = Path(__file__).with_name("images")
SUBMIT = '[aria-label="Submit current annotation"]'


def main(to: Path) -> None:
    """Ask about ten digits, and show the first with its key pressed."""
    prepare()
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        server = LabelStudioServer(folder).start()
        browser = Browser(folder / "profile")
        try:
            os.environ |= {"LABEL_STUDIO_URL": server.url, "LABEL_STUDIO_API_KEY": server.token}
            al.Campaign(
                campaign="parts", annotator="label-studio", initial_size=10, show_progress=False,
                experiment="parts", tracking_uri=f"sqlite:///{folder}/mlflow.db",
            ).run()  # fmt: skip
            project = LabelStudio(Digits().data(), "parts")._find()
            assert project is not None
            browser.becomes(1100, 617)
            enter(browser, server.url)
            browser.open(f"{project.url}?labeling=1")
            until(lambda: browser.sees(SUBMIT), 60)
            time.sleep(2)  # the image comes after the buttons
            browser.press("2")
            until(lambda: browser.run("return !!document.querySelector('input:checked')"))
            browser.screenshot(to / "label-studio.png")
        finally:
            browser.close()
            server.stop()


def enter(browser: Browser, url: str) -> None:
    """Log in."""
    browser.open(f"{url}/user/login")
    until(lambda: browser.sees("input[name=email]"), 60)
    browser.click("input[name=email]")
    browser.press(*USER)
    browser.click("input[name=password]")
    browser.press(*PASSWORD, "Enter")
    until(lambda: "/user/login" not in browser.run("return location.href"), 60)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else IMAGES)
