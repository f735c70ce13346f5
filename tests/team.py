"""People who answer on the page over HTTP, each in a thread, until they are stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests


class Member(threading.Thread):
    """Answers what the page serves; the label is the last letter of what tells samples apart.

    Attributes:
        confirmed: places that the page said were kept.
        phases: what the page said of the campaign while there was nothing to answer.
    """

    def __init__(self, folder: Path, name: str, pause: float, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.folder, self.called, self.pause, self.stop = folder, name, pause, stop
        self.confirmed: list[int] = []
        self.phases: list[str] = []

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                kept = json.loads((self.folder / ".page.json").read_text())
                self._work(f"http://127.0.0.1:{kept['port']}/{kept['token']}/")
            except (OSError, ValueError, requests.RequestException):
                pass  # the page is away: what was not confirmed is said again
            self.stop.wait(0.3)

    def _work(self, page: str) -> None:
        me: dict[str, Any] = {"name": self.called, "tab": self.called}
        state = requests.get(page + "state", params=me, timeout=10).json()
        while state["item"] is not None and not self.stop.wait(self.pause):
            place = state["item"]["place"]
            body = {**me, "place": place, "label": str(place % 10), "seconds": 1.0}
            answer = requests.post(page + "answer", json=body, timeout=10)
            answer.raise_for_status()
            self.confirmed.append(place)
            state = answer.json()
        if state["item"] is None and self.phases[-1:] != [state["phase"]]:
            self.phases.append(state["phase"])


@contextmanager
def at_the_page(folder: Path, names: Sequence[str], pause: float = 0.02) -> Iterator[list[Member]]:
    """These people answer while this is open."""
    stop = threading.Event()
    members = [Member(folder, name, pause, stop) for name in names]
    for member in members:
        member.start()
    try:
        yield members
    finally:
        stop.set()
        for member in members:
            member.join(20)


def kept_lines(folder: Path) -> list[dict[str, Any]]:
    """What is on the disk, of whole lines."""
    text = (folder / "answers.jsonl").read_text()
    return [json.loads(line) for line in text.split("\n")[:-1]]
