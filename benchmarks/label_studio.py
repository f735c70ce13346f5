"""What asking and collecting through Label Studio costs, against the HTTP calls alone.

    python -m benchmarks.label_studio

A real Label Studio is started (`make label-studio` prepares it). The same digits are asked
about by the annotator and by the fewest calls that do it: make the project, upload the
images, import the tasks. A simulated crowd answers, and the answers are collected by the
annotator in a process that knows nothing, and by reading all tasks with their annotations.
Then drivers and servers are killed after random times, and what is lost or there twice is
counted.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import requests

from al.annotators.label_studio import LabelStudio, annotator, media, project
from al.contracts import Query
from al.errors import AnnotatorError
from al.tasks.digits import Digits
from benchmarks.common import Row, report
from tests.crowd import Crowd
from tests.label_studio_recording import in_batch
from tests.label_studio_server import LabelStudioServer, prepare

DATA = Digits().data()


def query_of(count: int) -> Query:
    """A query for the first samples."""
    ids = DATA.ids("train")[:count]
    return Query(
        ids, tuple(np.linspace(1, 0, count)), ("margin",) * count, (None,) * count, "margin", "none"
    )


def truth(id: str) -> str:
    """What the crowd takes for right."""
    return str(DATA.truth([id])[0])


def fresh(campaign: str, server: LabelStudioServer) -> LabelStudio:
    """An annotator that knows nothing yet."""
    annotator._known.clear()
    return LabelStudio(DATA, campaign, {"url": server.url})


def seconds(act: Callable[[], Any]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


class Raw:
    """The fewest calls that do the same."""

    def __init__(self, server: LabelStudioServer) -> None:
        self.url = server.url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {server.token}"

    def ask(self, method: str, path: str, **what: Any) -> Any:
        reply = self.session.request(method, self.url + path, timeout=600, **what)
        reply.raise_for_status()
        return reply.json()

    def request(self, query: Query) -> int:
        made = {"title": uuid.uuid4().hex, "label_config": project.config(DATA.spec, "image")}
        number = int(self.ask("POST", "/api/projects", json=made)["id"])
        there = f"/api/projects/{number}"
        for start in range(0, len(query.ids), 100):  # the server takes no more at once
            ids = query.ids[start : start + 100]
            files = {id: (f"{id}.png", media.picture(DATA, id), "image/png") for id in ids}
            self.ask("POST", f"{there}/import?commit_to_project=false", files=files)
        uploads = self.ask("GET", f"{there}/file-uploads", params={"all": "true"})
        names = {entry["file"].rpartition("/")[2][9:-4]: entry["file"] for entry in uploads}
        tasks = [
            {"data": {"image": f"/data/{names[id]}", "item_id": id, "batch_id": "B"}}
            for id in query.ids
        ]
        self.ask("POST", f"{there}/import", json=tasks)
        return number

    def collect(self, number: int, batch: str) -> dict[str, str]:
        params = {
            "project": number, "page_size": 1000, "fields": "all", "resolve_uri": "false",
            "include": "id,data,annotations,result,was_cancelled,completed_by,updated_at",
            "query": in_batch(batch),
        }  # fmt: skip
        return {
            task["data"]["item_id"]: task["annotations"][0]["result"][0]["value"]["choices"][0]
            for task in self.ask("GET", "/api/tasks", params=params)["tasks"]
        }


def costs(server: LabelStudioServer, count: int, repeats: int) -> list[Row]:
    """Seconds of both ways, in turn."""
    raw, query = Raw(server), query_of(count)
    asking: dict[str, list[float]] = {"ours": [], "raw": []}
    for number in range(repeats):
        one = fresh(f"cost-{number}", server)
        asking["ours"].append(seconds(lambda one=one: one.request(query)))
        asking["raw"].append(seconds(lambda: raw.request(query)))
    crowd = Crowd(server.url, server.token, one, truth, right=0.95, skips=0.0)
    click.echo(f"{crowd.work()} answers given")
    batch, found = f"al:{one.campaign}", {}
    reading: dict[str, list[float]] = {"ours": [], "raw": []}
    for _ in range(max(5, repeats)):
        two = fresh(one.campaign, server)
        two._find()
        reading["ours"].append(seconds(lambda two=two: found.update(ours=two.collect(query))))
        reading["raw"].append(seconds(lambda: found.update(raw=raw.collect(crowd.project, batch))))
    assert {answer.id: answer.label for answer in found["ours"].answered} == found["raw"]
    time.sleep(2)
    two.collect(query)
    idle = [seconds(lambda: two.collect(query)) for _ in range(10)]
    time.sleep(31)  # what was answered last is looked at again for so long
    two.collect(query)
    quiet = [seconds(lambda: two.collect(query)) for _ in range(10)]
    rows: list[Row] = [
        {
            "what": what,
            "ours, s": float(np.median(times["ours"])),
            "raw HTTP, s": float(np.median(times["raw"])),
            "ratio": float(np.median(times["ours"]) / np.median(times["raw"])),
        }
        for what, times in ((f"{count} samples requested", asking),
                            (f"{count} answers collected", reading))
    ]  # fmt: skip
    both = {way: float(np.median(asking[way]) + np.median(reading[way])) for way in asking}
    together = {"ours, s": both["ours"], "raw HTTP, s": both["raw"]}
    rows.append({"what": "together", **together, "ratio": both["ours"] / both["raw"]})
    polls = {"a poll just after answers came": idle, "a poll while nothing happens": quiet}
    for what, times in polls.items():
        took = float(np.median(times))
        rows.append({"what": what, "ours, s": took, "raw HTTP, s": "", "ratio": ""})
    return rows


def _drive(url: str, campaign: str, count: int) -> None:
    query = query_of(count)
    one = LabelStudio(DATA, campaign, {"url": url})
    one.request(query)
    one.collect(query)


def kills(server: LabelStudioServer, count: int, repeats: int) -> list[Row]:
    """Kill drivers and servers after random times; what is lost or doubled."""
    rng, context = np.random.default_rng(0), multiprocessing.get_context("spawn")
    rows: list[Row] = []
    for victim in ("driver", "Label Studio"):
        lost = doubled = killed = 0
        for number in range(repeats):
            campaign = f"kill-{victim[:1]}-{number}"
            for _ in range(3):  # each campaign is cut off up to three times
                child = context.Process(target=_drive, args=(server.url, campaign, count))
                child.start()
                child.join(float(rng.uniform(3, 9)))  # starting Python takes the first 3
                if victim != "driver" and child.is_alive():
                    server.kill()
                    killed += 1
                    child.join()
                    server.start()
                elif child.is_alive():
                    child.kill()
                    killed += 1
                child.join()
            query, one = query_of(count), fresh(campaign, server)
            one.request(query)
            crowd = Crowd(server.url, server.token, one, truth)
            asked = Counter(task["data"]["item_id"] for task in crowd.tasks())
            lost += len(set(query.ids) - set(asked))
            doubled += sum(times - 1 for times in asked.values())
            some = crowd.tasks()[:20]
            for task in some:
                crowd.answer(task, "ann")
            if victim != "driver":
                server.kill()
                killed += 1
                with suppress(AnnotatorError):
                    one.collect(query)
                server.start()
            found = fresh(campaign, server).collect(query).answered
            lost += 20 - len({answer.id for answer in found})
            doubled += len(found) - len({answer.id for answer in found})
        rows.append({"killed": victim, "times": killed, "lost": lost, "doubled": doubled})
    return rows


@click.command()
@click.option("--samples", default=1000, show_default=True, help="Samples of the query.")
@click.option("--repeats", default=3, show_default=True, help="Requests of each way.")
@click.option("--kills", "kill_repeats", default=8, show_default=True, help="Campaigns cut off.")
def main(samples: int, repeats: int, kill_repeats: int) -> None:
    """Print what asking and collecting costs."""
    prepare()
    with TemporaryDirectory() as folder:
        server = LabelStudioServer(Path(folder)).start()
        os.environ["LABEL_STUDIO_API_KEY"] = server.token
        try:
            tables = {"digits, seconds": costs(server, samples, repeats)}
            click.echo(json.dumps(tables, indent=1))
            if kill_repeats:
                tables["killed after random times"] = kills(server, min(samples, 200), kill_repeats)
        finally:
            server.stop()
    report("label_studio", tables, samples=samples)


if __name__ == "__main__":
    main()
