"""What the server holds of a campaign: asked for whole once, then only what has changed.

The server's `updated_at` moves when an answer is given, changed, taken back or skipped. Of
deleted tasks it says nothing: they are missed in the count. A task that is there twice, as
when a driver was killed while the server was still at its import, loses its copy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from al.annotators.label_studio.server import Missing, Server
from al.errors import AnnotatorError

#: Tasks a page.
PAGE = 1000
#: How far back, on the server's clock, each look begins: changes appear when they are
#: committed, which is later than what their time says.
OVERLAP = timedelta(seconds=30)
#: Fields of tasks and, in the same list, of their annotations; what is not named is left out.
_FIELDS = (
    "id", "data", "annotations", "result", "was_cancelled", "completed_by", "lead_time",
    "created_at", "updated_at", "parent_prediction",
)  # fmt: skip
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Held:
    """A task.

    Attributes:
        item: id of its sample.
        shown: version whose prediction it came with; "" for none.
        annotations: as the server has them, oldest first.
    """

    id: int
    item: str
    shown: str
    annotations: tuple[Mapping[str, Any], ...]


class Tasks:
    """The tasks of a campaign in a project.

    Args:
        batch: what `batch_id` says in their data.
    """

    def __init__(self, server: Server, project: int, batch: str) -> None:
        self._server = server
        self._project = project
        self._batch = {
            "filter": "filter:tasks:data.batch_id",
            "operator": "equal",
            "type": "String",
            "value": batch,
        }
        self._held: dict[int, Held] = {}
        self._by_item: dict[str, list[Held]] = {}
        self._since: datetime | None = None
        self._total = 0  # tasks that the last question was true of

    def look(self, server: Server) -> None:
        """Take in what has changed.

        Raises:
            AnnotatorError: the server does not answer, or the project is gone.
        """
        self._server = server
        for again in (True, False):
            try:
                self._take()
                break
            except Missing:  # the project, or a page because tasks were deleted meanwhile
                self._check_project()
                if not again:
                    raise
        self._by_item = {}
        for held in sorted(self._held.values(), key=lambda held: held.id):
            self._by_item.setdefault(held.item, []).append(held)
        for copies in self._by_item.values():
            while len(copies) > 1 and (idle := [held for held in copies if not held.annotations]):
                self.delete(idle[-1:])
                copies.remove(idle[-1])

    def of(self, item: str) -> Sequence[Held]:
        """The tasks of a sample: one, none, or several where people answered each."""
        return self._by_item.get(item, ())

    def delete(self, gone: Iterable[Held]) -> None:
        """Delete tasks; those already gone are ignored."""
        for held in gone:
            with suppress(Missing):
                self._server.change("DELETE", f"/api/tasks/{held.id}/")
            self._held.pop(held.id, None)

    def _check_project(self) -> None:
        try:
            self._server.get(f"/api/projects/{self._project}")
        except Missing:
            raise AnnotatorError(
                f"project {self._project} was deleted on {self._server.url}: restore it; without "
                "it the same command asks again for what is not collected"
            ) from None

    def _take(self) -> None:
        since, total = self._since, None
        if since is None:
            self._held = {}
        else:
            total = self._ask(page=1, page_size=1, include="id")["total"]
        began = self._server.now  # of the last reply: what changes from now on is later
        for task in self._pull(_FIELDS, since):
            held = _held(task)
            self._held[held.id] = held
        if len(self._held) != (self._total if total is None else total):
            there = {int(task["id"]) for task in self._pull(("id",), None)}
            self._held = {id: held for id, held in self._held.items() if id in there}
            if len(self._held) < len(there):  # pages moved while they were read
                for task in self._pull(_FIELDS, None):
                    self._held[int(task["id"])] = _held(task)
        self._since = began

    def _pull(self, fields: Sequence[str], since: datetime | None) -> Iterable[dict[str, Any]]:
        more = []
        if since is not None:
            value = (since - OVERLAP).strftime(_TIME)
            more = [
                {
                    "filter": "filter:tasks:updated_at",
                    "operator": "greater",
                    "type": "Datetime",
                    "value": value,
                }
            ]
        page = 1
        while True:
            found = self._ask(*more, page=page, page_size=PAGE, include=",".join(fields))
            self._total = found["total"]
            yield from found["tasks"]
            if page * PAGE >= found["total"]:
                return
            page += 1

    def _ask(self, *filters: dict[str, str], **params: Any) -> Any:
        query = {
            "filters": {"conjunction": "and", "items": [self._batch, *filters]},
            "ordering": ["tasks:id"],
        }
        if "annotations" in params["include"]:
            params["fields"] = "all"
        return self._server.get(
            "/api/tasks",
            project=self._project,
            query=json.dumps(query),
            resolve_uri="false",
            **params,
        )


def _held(task: Mapping[str, Any]) -> Held:
    data = task["data"]
    annotations = sorted(task["annotations"], key=lambda entry: entry["id"])
    return Held(
        int(task["id"]), str(data["item_id"]), str(data.get("shown") or ""), tuple(annotations)
    )
