"""A stand-in for Label Studio: its payloads as recorded, its behaviour as measured.

It answers what the annotator and the tests' crowd ask, over real HTTP. Its data outlive a
kill, as a database does. `fail_at` makes it die at a request: before it did anything, or
after all is done and nobody was told.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from tests.label_studio_recording import FILE

TOKEN = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "head.body.signature"
RECORDED = json.loads(FILE.read_text())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Refusal(Exception):
    """A reply that was recorded when the real server refused."""

    def __init__(self, name: str, **changed: Any) -> None:
        self.status = RECORDED[name]["status"]
        self.body = {**RECORDED[name]["body"], **changed}


class StandIn:
    """Started and killed like the real one; see `tests.label_studio_server`.

    Attributes:
        fail_at: (number of the request, "before" or "after"): where it dies.
        requests: the requests that came, as "METHOD /path".
    """

    token = TOKEN
    personal = PERSONAL

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.media = folder / "media"
        self.media.mkdir(parents=True, exist_ok=True)
        self.port = port or 0
        self.url = ""
        self.requests: list[str] = []
        self.fail_at: tuple[int, str] | None = None
        self.lives = 300.0  # seconds of a token that was exchanged
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._server: ThreadingHTTPServer | None = None
        self._dead: ThreadingHTTPServer | None = None
        self._access: dict[str, datetime] = {}
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self.annotations: dict[int, dict[str, Any]] = {}
        self.files: dict[str, tuple[int, bytes]] = {}
        self.storages: list[dict[str, Any]] = []
        self.users = [copy.deepcopy(RECORDED["users"]["body"][0])]

    def start(self) -> StandIn:
        self.kill()
        world = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one packet

            def handle_any(self) -> None:
                world.answer(self)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - http.server's

            def log_message(self, *_: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None: ...  # clients are killed on purpose

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def kill(self) -> None:
        for server in (self._server, self._dead):
            if server is not None:
                server.shutdown()
                server.server_close()
        self._server = self._dead = None

    stop = kill

    # -- one request -----------------------------------------------------------------------

    def answer(self, handler: Any) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        content = handler.rfile.read(length)
        with self._lock:
            if self._server is None or handler.server is not self._server:
                handler.close_connection = True  # a connection from before the kill
                return
            self.requests.append(f"{handler.command} {urlsplit(handler.path).path}")
            fails = self.fail_at is not None and len(self.requests) == self.fail_at[0]
            if fails and self.fail_at[1] == "before":
                self._die(handler)
                return
            try:
                status, body = self._route(handler, content)
            except Refusal as refusal:
                status, body = refusal.status, refusal.body
            if fails:
                self._die(handler)
                return
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        payload = b"" if body is None else payload
        handler.send_response(status)
        kind = "image/png" if isinstance(body, bytes) else "application/json"
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(payload)))
        handler.end_headers()
        handler.wfile.write(payload)

    def _die(self, handler: Any) -> None:
        """From now on nobody is answered."""
        handler.close_connection = True
        self._dead, self._server = self._server, None

    def _route(self, handler: Any, content: bytes) -> tuple[int, Any]:
        parts = urlsplit(handler.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        kind = handler.headers.get("Content-Type", "")
        sent: Any = json.loads(content) if kind.startswith("application/json") else {}
        if parts.path == "/api/token/refresh/":
            return self._refresh(sent)
        self._check_token(handler.headers.get("Authorization", ""))
        if kind.startswith("multipart/"):
            sent = _files(kind, content)
        if parts.path.startswith("/data/upload/"):
            return 200, self.files[parts.path.removeprefix("/data/")][1]
        for method, pattern, reply in self._table():
            found = re.fullmatch(pattern, parts.path.rstrip("/"))
            if found and method == handler.command:
                return reply(query, sent, *(int(text) for text in found.groups()))
        raise AssertionError(f"the stand-in does not know {handler.command} {parts.path}")

    def _table(self) -> list[tuple[str, str, Callable[..., tuple[int, Any]]]]:
        project, task = r"/api/projects/(\d+)", r"/api/tasks/(\d+)"
        return [
            ("GET", "/api/projects", self._list_projects),
            ("POST", "/api/projects", self._make_project),
            ("GET", project, lambda q, s, number: (200, self._project(number))),
            ("PATCH", project, self._change_project),
            ("DELETE", project, self._delete_project),
            ("POST", f"{project}/import", self._import),
            ("GET", f"{project}/file-uploads", self._list_files),
            ("GET", "/api/tasks", self._list_tasks),
            ("DELETE", task, self._delete_task),
            ("POST", f"{task}/annotations", self._annotate),
            ("POST", f"{task}/drafts", lambda q, s, number: (201, {**s, "task": number})),
            ("PATCH", r"/api/annotations/(\d+)", self._edit),
            ("DELETE", r"/api/annotations/(\d+)", self._delete_annotation),
            ("GET", "/api/users", lambda q, s: (200, self.users)),
            ("POST", "/api/users", self._make_user),
            ("GET", "/api/storages/localfiles", lambda q, s: (200, self.storages)),
            ("POST", "/api/storages/localfiles", self._make_storage),
            ("GET", r"/data/local-files", lambda q, s: self._local_file(q["d"])),
        ]

    # -- tokens ----------------------------------------------------------------------------

    def _refresh(self, sent: dict[str, str]) -> tuple[int, Any]:
        if sent["refresh"] != PERSONAL:
            raise Refusal("wrong refresh")
        access = f"access.{uuid.uuid4().hex}.x"
        self._access[access] = datetime.now(UTC)
        return 200, {"access": access}

    def _check_token(self, header: str) -> None:
        kind, _, token = header.partition(" ")
        if kind == "Bearer" and token in self._access:
            age = datetime.now(UTC) - self._access[token]
            if age.total_seconds() < self.lives:
                return
        elif kind == "Token" and token == TOKEN:
            return
        raise Refusal("wrong token" if kind == "Token" else "no token")

    # -- projects --------------------------------------------------------------------------

    def _project(self, id: int) -> dict[str, Any]:
        if id not in self.projects:
            raise Refusal("no such project")
        return self.projects[id]

    def _list_projects(self, query: dict[str, str], _: Any) -> tuple[int, Any]:
        title = query.get("title", "").lower()
        found = [p for p in self.projects.values() if title in p["title"].lower()]
        return 200, {"count": len(found), "next": None, "previous": None, "results": found}

    def _make_project(self, _: Any, sent: dict[str, Any]) -> tuple[int, Any]:
        if len(sent["title"]) > 50:
            raise Refusal("title too long")
        defaults = {"maximum_annotations": 1, "show_collab_predictions": True}
        project = {**copy.deepcopy(RECORDED["project made"]["body"]), **defaults, **sent}
        project |= {"id": next(self._ids), "created_at": _now()}
        self.projects[project["id"]] = project
        return 201, project

    def _change_project(self, _: Any, sent: dict[str, Any], id: int) -> tuple[int, Any]:
        self._project(id).update(sent)
        return 200, self._project(id)

    def _delete_project(self, _: Any, __: Any, id: int) -> tuple[int, Any]:
        del self.projects[id]
        self.tasks = {key: task for key, task in self.tasks.items() if task["project"] != id}
        return 204, None

    # -- tasks -----------------------------------------------------------------------------

    def _import(self, query: dict[str, str], sent: Any, id: int) -> tuple[int, Any]:
        project = self._project(id)
        reply = copy.deepcopy(RECORDED["imported"]["body"])
        if query.get("commit_to_project") == "false":
            assert len(sent) <= 100  # DATA_UPLOAD_MAX_NUMBER_FILES
            names = [f"upload/{id}/{uuid.uuid4().hex[:8]}-{name}" for name in sent]
            numbers = [next(self._ids) for _ in sent]
            for name, number, content in zip(names, numbers, sent.values(), strict=True):
                self.files[name] = (number, content)
            reply = copy.deepcopy(RECORDED["uploaded"]["body"])
            return 201, {**reply, "file_upload_ids": numbers, "task_count": len(names)}
        keys = {
            tag.get("value", "")[1:]
            for tag in ElementTree.fromstring(project["label_config"]).iter()
            if tag.get("value", "").startswith("$") and tag.tag not in ("Choice", "Label")
        }
        for place, task in enumerate(sent):
            for key in keys - set(task["data"]):
                text = f'Error at item {place}: "{key}" key is expected in task data'
                raise Refusal("a key lacks", validation_errors={"non_field_errors": [text]})
        for task in sent:
            predictions = [
                {
                    **copy.deepcopy(RECORDED["tasks"]["body"]["tasks"][0]["predictions"][0]),
                    **made,
                    "id": next(self._ids),
                }
                for made in task.get("predictions", [])
            ]
            if predictions and not project["model_version"]:
                project["model_version"] = predictions[-1]["model_version"]
            number, now = next(self._ids), _now()
            self.tasks[number] = {
                "id": number,
                "data": task["data"],
                "predictions": predictions,
                "created_at": now,
                "updated_at": now,
                "project": id,
            }
        made = sum(len(task.get("predictions", [])) for task in sent)
        return 201, {**reply, "task_count": len(sent), "prediction_count": made}

    def _list_files(self, _: Any, __: Any, id: int) -> tuple[int, Any]:
        return 200, [
            {"id": number, "file": name, "size": len(content)}
            for name, (number, content) in self.files.items()
            if name.startswith(f"upload/{id}/")
        ]

    def _list_tasks(self, query: dict[str, str], _: Any) -> tuple[int, Any]:
        project = int(query["project"])
        self._project(project)
        found = [task for task in self.tasks.values() if task["project"] == project]
        for item in json.loads(query["query"])["filters"]["items"]:
            if item["filter"] == "filter:tasks:updated_at":
                try:
                    datetime.strptime(item["value"], "%Y-%m-%dT%H:%M:%S.%fZ")
                except ValueError as error:
                    raise Refusal("wrong time", detail=str(error)) from None
                found = [task for task in found if task["updated_at"] > item["value"]]
            else:
                key = item["filter"].removeprefix("filter:tasks:data.")
                found = [task for task in found if task["data"].get(key) == item["value"]]
        found.sort(key=lambda task: task["id"])
        page, size = int(query.get("page", 1)), int(query.get("page_size", 100))
        if page > 1 and (page - 1) * size >= len(found):
            raise Refusal("page past the end")
        fields = set(query["include"].split(","))
        everything = query.get("fields") == "all"
        answers = {task["id"]: self._of(task) for task in found}
        return 200, {
            "total_annotations": sum(
                not entry["was_cancelled"] for entries in answers.values() for entry in entries
            ),
            "total_predictions": sum(len(task["predictions"]) for task in found),
            "total": len(found),
            "tasks": [
                _task(task, answers[task["id"]], fields, everything=everything)
                for task in found[(page - 1) * size : page * size]
            ],
        }

    def _of(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        return [entry for entry in self.annotations.values() if entry["task"] == task["id"]]

    def _task(self, id: int) -> dict[str, Any]:
        if id not in self.tasks:
            raise Refusal("no such task")
        return self.tasks[id]

    def _delete_task(self, _: Any, __: Any, id: int) -> tuple[int, Any]:
        for entry in self._of(self._task(id)):
            del self.annotations[entry["id"]]
        del self.tasks[id]
        return 204, None

    # -- answers ---------------------------------------------------------------------------

    def _annotate(self, _: Any, sent: dict[str, Any], task: int) -> tuple[int, Any]:
        now = _now()
        entry = {**copy.deepcopy(RECORDED["answered"]["body"]), "completed_by": 1}
        entry |= {"was_cancelled": False, "lead_time": None, **sent}
        entry |= {"id": next(self._ids), "task": task, "project": self._task(task)["project"]}
        entry |= {"created_at": now, "updated_at": now}
        self.annotations[entry["id"]] = entry
        self.tasks[task]["updated_at"] = now
        return 201, entry

    def _edit(self, _: Any, sent: dict[str, Any], id: int) -> tuple[int, Any]:
        entry = self.annotations[id]
        entry |= {**sent, "updated_at": _now()}
        self.tasks[entry["task"]]["updated_at"] = entry["updated_at"]
        return 200, entry

    def _delete_annotation(self, _: Any, __: Any, id: int) -> tuple[int, Any]:
        entry = self.annotations.pop(id)
        self.tasks[entry["task"]]["updated_at"] = _now()
        return 204, None

    def _make_user(self, _: Any, sent: dict[str, Any]) -> tuple[int, Any]:
        user = copy.deepcopy(RECORDED["user made"]["body"])
        user |= {"id": len(self.users) + 1, "email": sent["email"], "username": sent["username"]}
        self.users.append(user)
        return 201, user

    # -- local files -----------------------------------------------------------------------

    def _make_storage(self, _: Any, sent: dict[str, Any]) -> tuple[int, Any]:
        if self.media not in Path(sent["path"]).parents:
            text = f'Absolute local path "{sent["path"]}" must be a subdirectory of the root'
            raise Refusal("a key lacks", validation_errors={"non_field_errors": [text]})
        self.storages.append({"id": next(self._ids), "type": "localfiles", **sent})
        return 201, self.storages[-1]

    def _local_file(self, name: str) -> tuple[int, Any]:
        file = self.media / name
        if not any(Path(storage["path"]) in file.parents for storage in self.storages):
            raise Refusal("no such task", detail="no storage")
        return 200, file.read_bytes()


def _task(
    task: dict[str, Any], answers: list[dict[str, Any]], fields: set[str], *, everything: bool
) -> dict[str, Any]:
    """A task with the fields asked for; they choose among those of annotations too."""
    found = {key: task[key] for key in fields & {"id", "data", "created_at", "updated_at"}}
    if everything and "annotations" in fields:
        found["annotations"] = [
            {name: value for name, value in entry.items() if name in fields} for entry in answers
        ]
    if everything and "predictions" in fields:
        found["predictions"] = task["predictions"]
    return copy.deepcopy(found)


def _files(kind: str, content: bytes) -> dict[str, bytes]:
    """The files of a form."""
    message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + content)
    parts: Any = message.get_payload()
    return {part.get_filename(): part.get_payload(decode=True) for part in parts}
