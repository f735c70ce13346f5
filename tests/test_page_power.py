"""The power is cut while people answer on the page: no answer that was confirmed is lost."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import requests

from al.annotators.page import Page
from tests.browser import until
from tests.drivers import context
from tests.page_process import page
from tests.power import HOWS

ASKED = 6
LABELS = ("wet", "dry")


def serve(folder: str, noted: str, cut_at: int) -> None:
    """Serve the page until the power is cut at the n-th time that it waits for the disk."""
    notes = open(noted, "ab", buffering=0)  # noqa: SIM115 - outlives this
    real, count = os.fsync, itertools.count()

    def fsync(file: Any) -> None:
        if next(count) == cut_at:
            os.kill(os.getpid(), signal.SIGKILL)
        number = file if isinstance(file, int) else file.fileno()
        path = os.readlink(f"/proc/self/fd/{number}")
        is_folder = os.path.isdir(path)
        safe = sorted(os.listdir(path)) if is_folder else os.fstat(number).st_size
        real(file)
        notes.write(json.dumps([os.fstat(number).st_ino, safe]).encode() + b"\n")

    os.fsync = fsync  # type: ignore[assignment]
    page(folder, "rows", ASKED)[0].serve()


def cut_power(folder: Path, noted: Path, how: str) -> None:
    """Lose what was not on the disk: the end of a file, and names that its folder had not yet."""
    notes = [json.loads(line) for line in noted.read_text().splitlines()]
    safe = dict(notes)  # what is noted last counts
    if how == "drop" and not all(
        path.name in safe.get(path.parent.stat().st_ino, ()) for path in (folder, folder.parent)
    ):
        shutil.rmtree(folder)
    for path in sorted(folder.rglob("*.jsonl")):
        kept, size = safe.get(path.stat().st_ino, 0), path.stat().st_size
        if how == "drop" and path.name not in safe.get(path.parent.stat().st_ino, ()):
            path.unlink()
            continue
        os.truncate(path, kept + (size - kept) // 2 if how == "cut" else kept)
        if how == "zero":
            os.truncate(path, size)


def answer(found: str, place: int) -> None:
    body = {"place": place, "label": LABELS[place % 2], "name": "anna", "seconds": 1.0}
    requests.post(found + "answer", json=body, timeout=20).raise_for_status()


def address(folder: Path) -> str:
    kept = json.loads((folder / ".page.json").read_text())
    return f"http://127.0.0.1:{kept['port']}/{kept['token']}/"


def said_on(found: Page) -> dict[int, Any]:
    """Labels that stand, by place."""
    places = found.log.places()
    return {places[key]: one["anna"].label for key, one in found.log.answers().items()}


@pytest.mark.parametrize(
    ("cut_at", "how"),
    [
        (number, how) if number % 3 == place else pytest.param(number, how, marks=pytest.mark.slow)
        for number in range(4, 10)
        for place, how in enumerate(HOWS)
    ],
)
def test_an_answer_that_was_confirmed_outlasts_a_power_cut(
    tmp_path: Path, cut_at: int, how: str
) -> None:
    """What is waited for: what is asked and the names on its way, the page's address; answers."""
    folder, noted = tmp_path / "annotate" / "c", tmp_path / "noted"
    child = context.Process(target=serve, args=(str(folder), str(noted), cut_at))
    child.start()
    confirmed = []
    until(lambda: (folder / ".page.json").exists() or not child.is_alive())
    try:
        for place in range(ASKED):
            answer(address(folder), place)
            confirmed.append(place)
    except (OSError, requests.RequestException):
        pass  # the power is cut
    child.join(20)
    code = child.exitcode
    child.kill()
    assert code == -signal.SIGKILL
    assert len(confirmed) < ASKED

    cut_power(folder, noted, how)
    again, query = page(str(folder), "rows", ASKED)
    stands = said_on(again)
    assert {place: LABELS[place % 2] for place in confirmed}.items() <= stands.items()
    assert stands.keys() <= {*confirmed, len(confirmed)}  # the one that was on its way
    with again.attending():  # and the page goes on
        for place in range(ASKED):
            answer(again.where, place)
    assert [one.label for one in again.collect(query).answered] == [*LABELS] * (ASKED // 2)
