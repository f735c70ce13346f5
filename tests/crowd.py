"""A simulated crowd that annotates in Label Studio over its real API.

    python -m tests.crowd --task digits --campaign NAME --right 0.95

Each person is right with some probability, skips some samples, and comes back to some
answers later to change them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests

from al.annotators.label_studio import LabelStudio
from al.contracts import Label
from al.masks import decode_mask, encode_mask
from tests.label_studio_recording import in_batch


@dataclass
class Crowd:
    """People who look at the tasks of an annotator's campaign.

    Args:
        truth: the right label of a sample.
        people: names; each sample is given to as many of them as `each` says.
        right, skips, edits: probabilities.
        seconds: what a label takes, as it is reported.
    """

    url: str
    token: str
    annotator: LabelStudio
    truth: Callable[[str], Label]
    people: Sequence[str] = ("ann", "bob")
    each: int = 1
    right: float = 1.0
    skips: float = 0.0
    edits: float = 0.0
    seconds: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Token {self.token}"
        there = {user["email"]: user["id"] for user in self.ask("GET", "/api/users")}
        for name in self.people:
            if self.address(name) not in there:
                account = {"email": self.address(name), "username": name, "password": "x-12345678"}
                there[self.address(name)] = self.ask("POST", "/api/users", json=account)["id"]
        self.ids = {name: there[self.address(name)] for name in self.people}

    @staticmethod
    def address(name: str) -> str:
        return f"{name}@example.com"

    def ask(self, method: str, path: str, **what: Any) -> Any:
        """One request; anything but success is an error of the test."""
        reply = self._session.request(method, self.url + path, timeout=60, **what)
        assert reply.ok, f"{method} {path}: {reply.status_code} {reply.text[:500]}"
        return reply.json() if reply.content else None

    def tasks(self) -> list[dict[str, Any]]:
        """The campaign's tasks as the server has them, in the order of import."""
        fields = (
            "id,data,annotations,result,was_cancelled,completed_by,created_at,updated_at,"
            "predictions"
        )
        found: list[dict[str, Any]] = []
        while True:
            page = self.ask(
                "GET", "/api/tasks",
                params={
                    "project": self.project, "query": in_batch(self.annotator._batch),
                    "include": fields, "fields": "all", "page_size": 500,
                    "page": len(found) // 500 + 1,
                },
            )  # fmt: skip
            found += page["tasks"]
            if len(found) >= page["total"]:
                return found

    @property
    def project(self) -> int:
        project = self.annotator._project
        assert project is not None
        return project.id

    def work(self, most: int | None = None) -> int:
        """Answer what is open, at most so many samples; returns how many answers were given."""
        given = samples = 0
        for task in self.tasks():
            answered = {entry["completed_by"] for entry in task["annotations"]}
            left = [name for name in self.people if self.ids[name] not in answered]
            wanted = self.each - len(answered)
            if wanted <= 0:
                continue
            if samples == most:
                break
            samples += 1
            for number in self._rng.permutation(len(left))[:wanted]:
                self.answer(task, left[number])
                given += 1
        return given

    def answer(self, task: dict[str, Any], name: str, label: Label = ...) -> dict[str, Any]:
        """One person's answer to a task; by chance where no label is given."""
        id = task["data"]["item_id"]
        body: dict[str, Any] = {"completed_by": self.ids[name], "lead_time": self.seconds}
        if label is ... and self._rng.random() < self.skips:
            return self.skip(task, name)
        if label is ...:
            label = self.truth(id) if self._rng.random() < self.right else self.wrong(id)
        body["result"] = self.results(id, label)
        if task["predictions"]:  # the label stream begins with what the model says
            body["parent_prediction"] = task["predictions"][0]["id"]
        made: dict[str, Any] = self.ask("POST", f"/api/tasks/{task['id']}/annotations/", json=body)
        return made

    def skip(self, task: dict[str, Any], name: str) -> dict[str, Any]:
        body = {"completed_by": self.ids[name], "result": [], "was_cancelled": True}
        made: dict[str, Any] = self.ask("POST", f"/api/tasks/{task['id']}/annotations/", json=body)
        return made

    def come_back(self) -> list[str]:
        """Change some answers; returns the samples."""
        changed = []
        for task in self.tasks():
            for entry in task["annotations"]:
                if not entry["was_cancelled"] and self._rng.random() < self.edits:
                    id = task["data"]["item_id"]
                    label = self.truth(id)
                    self.edit(entry, id, label)
                    changed.append(id)
        return changed

    def edit(self, entry: dict[str, Any], id: str, label: Label) -> None:
        body = {"result": self.results(id, label)}
        self.ask("PATCH", f"/api/annotations/{entry['id']}/", json=body)

    def results(self, id: str, label: Label) -> list[dict[str, Any]]:
        project = self.annotator._project
        assert project is not None
        return project.form.results(label, self.annotator._ground(id))

    def wrong(self, id: str) -> Label:
        """A label that is not the right one."""
        spec, label = self.annotator.data.spec, self.truth(id)
        if spec.kind == "class":
            return str(self._rng.choice([name for name in spec.classes if name != label]))
        if spec.kind == "labels":
            return sorted(set(spec.classes) - set(label))
        if spec.kind == "number":
            return float(label) + float(self._rng.normal())
        if spec.kind == "boxes":
            return label[1:]
        return encode_mask(np.roll(decode_mask(label, len(spec.classes)), 3, axis=1))


def main() -> None:
    import os
    import time
    from argparse import ArgumentParser

    from al.catalog import tasks

    parser = ArgumentParser(description="A simulated crowd for a campaign in Label Studio.")
    parser.add_argument("--task", default="digits")
    parser.add_argument("--campaign", required=True)
    parser.add_argument("--right", type=float, default=0.95)
    parser.add_argument("--skips", type=float, default=0.0)
    parser.add_argument("--edits", type=float, default=0.0)
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--people", default="ann,bob")
    parser.add_argument("--idle", type=float, default=60, help="seconds without work, then it ends")
    given = parser.parse_args()
    data = tasks.get(given.task)().data()
    annotator = LabelStudio(data, given.campaign, {"overlap": str(given.each)})
    url, token = os.environ["LABEL_STUDIO_URL"], os.environ["LABEL_STUDIO_API_KEY"]
    crowd: Crowd | None = None
    last = time.monotonic()
    while time.monotonic() - last < given.idle:
        if annotator._find() is not None:  # the campaign makes it
            crowd = crowd or Crowd(
                url, token, annotator, lambda sample: data.truth([sample])[0],
                given.people.split(","), given.each, given.right, given.skips, given.edits,
            )  # fmt: skip
            changed = crowd.come_back()
            if count := crowd.work():
                print(f"{count} answers given, {len(changed)} changed", flush=True)
                last = time.monotonic()
        time.sleep(0.5)


if __name__ == "__main__":
    main()
