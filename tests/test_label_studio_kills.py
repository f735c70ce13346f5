"""Killed while it asks or collects, the driver or Label Studio: nothing lost, nothing twice.

The points are the requests that are made, found by counting them. A few of them are tried
against the stand-in; with the marker `label_studio` all of them against the real server.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from al.errors import AnnotatorError
from tests.drivers import context
from tests.studios import Samples, Studio, query_of

COUNT = 12
#: What the driver was doing when it was killed.
MOMENTS = ("before", "during", "after")
#: The reply that is lost on its way is the worst; the others are slow.
TRIED = [pytest.param(one, marks=[] if one == "during" else pytest.mark.slow) for one in MOMENTS]


def _drive(url: str, token: str, campaign: str, folder: str, kill: tuple[int, str] | None) -> None:
    """Ask and collect once, as a process that is killed at a request."""
    os.environ["LABEL_STUDIO_API_KEY"] = token  # the fork server may be older than it
    from al.annotators.label_studio import LabelStudio

    count = 0
    send = requests.Session.send

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        moment = kill[1] if kill and kill[0] == count else ""
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if moment == "during":
            threading.Timer(0.002, os.kill, (os.getpid(), signal.SIGKILL)).start()
        reply = send(self, *args, **kwargs)
        if moment in ("after", "during"):
            os.kill(os.getpid(), signal.SIGKILL)
        return reply

    requests.Session.send = counted  # type: ignore[method-assign]
    data = Samples()
    annotator = LabelStudio(data, campaign, {"url": url})
    query = query_of(data, COUNT)
    annotator.request(query)
    answers = annotator.collect(query)
    found = {
        "answered": {answer.id: answer.label for answer in answers.answered},
        "requests": count,
    }
    (Path(folder) / "found.json").write_text(json.dumps(found))


def _process(studio: Studio, campaign: str, folder: Path, kill: Any = None) -> int:
    server = studio.server
    args = (server.url, server.token, campaign, str(folder), kill)
    child = context.Process(target=_drive, args=args)
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def _check(studio: Studio, campaign: str) -> Any:
    """All samples are asked about once, in their order."""
    annotator = studio.annotator(Samples(), campaign)
    annotator._open()
    crowd = studio.crowd(annotator)
    asked = [task["data"]["item_id"] for task in crowd.tasks()]
    assert asked == list(query_of(annotator.data, COUNT).ids)
    return crowd


@pytest.mark.parametrize("moment", TRIED)
def test_a_driver_killed_at_a_request_goes_on(studio: Studio, tmp_path: Path, moment: str) -> None:
    assert _process(studio, "whole-" + moment, tmp_path) == 0
    points = json.loads((tmp_path / "found.json").read_text())["requests"]
    assert points >= 10
    # The real server: every point. The stand-in: the project's, the upload's, the import's.
    chosen = range(1, points + 1) if studio.real else (2, 5, 7, 9)
    for point in chosen:
        campaign = f"{moment}-{point}-{os.getpid()}"
        assert _process(studio, campaign, tmp_path, (point, moment)) == -signal.SIGKILL
        assert _process(studio, campaign, tmp_path) == 0
        crowd = _check(studio, campaign)
        if point in (2, 7) or studio.real:
            crowd.work(COUNT - 2)
            # While it collects, at the first and the last request.
            for late in (1, 4):
                assert _process(studio, campaign, tmp_path, (late, moment)) == -signal.SIGKILL
            crowd.work()
            assert _process(studio, campaign, tmp_path) == 0
            found = json.loads((tmp_path / "found.json").read_text())["answered"]
            assert found == {
                id: crowd.truth(id) for id in query_of(crowd.annotator.data, COUNT).ids
            }
            _check(studio, campaign)


@contextmanager
def _dying(studio: Studio, point: int, moment: str) -> Iterator[None]:
    """Label Studio dies at that request from now on, and is there again afterwards."""
    server = studio.server
    if not studio.real:
        # It does a request at once, so it can die before or after, not in the middle.
        when = "before" if moment == "before" else "after"
        server.fail_at = (len(server.requests) + point, when)
        yield
        server.fail_at = None
        if server._server is None:
            server.start()
        return
    count = 0
    send = requests.Session.send

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count == point and moment == "before":
            server.kill()
        if count == point and moment == "during":
            threading.Timer(0.03, server.kill).start()
        reply = send(self, *args, **kwargs)
        if count == point and moment == "after":
            server.kill()
            raise requests.exceptions.ConnectionError("the reply was lost")
        return reply

    requests.Session.send = counted  # type: ignore[method-assign]
    try:
        yield
    finally:
        requests.Session.send = send  # type: ignore[method-assign]
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()
    if server._process is None:
        server.start()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("moment", MOMENTS)
def test_label_studio_killed_at_a_request_loses_and_doubles_nothing(
    studio: Studio, moment: str
) -> None:
    data = Samples()
    query = query_of(data, COUNT)
    point, failed = 0, True
    while failed:  # until a whole request and collect comes through
        point += 1
        annotator = studio.annotator(data)
        with _dying(studio, point, moment):
            failed = _fails(lambda one=annotator: (one.request(query), one.collect(query)))
        again = studio.again(annotator)
        again.request(query)
        crowd = _check(studio, annotator.campaign)
        crowd.work()
        with _dying(studio, 1 + point % 2, moment):
            _fails(lambda one=again: one.collect(query))
        found = {answer.id: answer.label for answer in again.collect(query).answered}
        assert found == {id: data.labels[id] for id in query.ids}
    assert point >= 10


def _fails(act: Any) -> bool:
    """Whether it ends with a line for people; anything else is an error of the test."""
    try:
        act()
    except AnnotatorError as error:
        return "does not answer" in str(error)
    return False
