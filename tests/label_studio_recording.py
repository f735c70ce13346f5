"""What Label Studio says: a fixed conversation, held with the real one and kept as JSON.

    python -m tests.label_studio_recording      holds it anew, with a server started for it

The stand-in answers with these payloads, filled in; a test holds the conversation with the
real server and with the stand-in and compares.
"""

from __future__ import annotations

import json
import tempfile
import uuid
from pathlib import Path
from typing import Any

import requests

FILE = Path(__file__).with_name("label_studio_recorded.json")
CONFIG = (
    '<View><Text name="sample" value="$text"/><Choices name="label" toName="sample" '
    'choice="single"><Choice value="yes"/><Choice value="no"/></Choices></View>'
)
FIELDS = (
    "id,data,annotations,predictions,result,was_cancelled,completed_by,lead_time,created_at,"
    "updated_at,model_version,score"
)


def choose(name: str) -> list[dict[str, Any]]:
    """The result of a click on a choice."""
    value = {"choices": [name]}
    return [{"from_name": "label", "to_name": "sample", "type": "choices", "value": value}]


def in_batch(batch: str, *filters: tuple[str, str, str, str]) -> str:
    """The query for tasks of a batch."""
    items = [("filter:tasks:data.batch_id", "equal", "String", batch), *filters]
    keys = ("filter", "operator", "type", "value")
    entries = [dict(zip(keys, item, strict=True)) for item in items]
    return json.dumps(
        {"filters": {"conjunction": "and", "items": entries}, "ordering": ["tasks:id"]}
    )


def converse(url: str, token: str) -> dict[str, dict[str, Any]]:
    """Each reply by name: status and body."""
    replies: dict[str, dict[str, Any]] = {}

    def say(name: str, method: str, path: str, token: str = token, **what: Any) -> Any:
        headers = {"Authorization": f"Token {token}"} if token else {}
        reply = requests.request(method, url + path, headers=headers, timeout=60, **what)
        body = reply.json() if reply.content else None
        replies[name] = {"status": reply.status_code, "body": body}
        return body

    project = {"title": "recorded", "label_config": CONFIG, "maximum_annotations": 2}
    made = say("project made", "POST", "/api/projects", json=project)
    here = f"/api/projects/{made['id']}"
    say("project", "GET", here)
    say("projects", "GET", "/api/projects", params={"title": "recorded"})
    say("project changed", "PATCH", here, json={"model_version": ""})
    prediction = {"model_version": "models:/m/1", "score": 0.5, "result": choose("no")}
    tasks = [{"data": {"text": f"text {n}", "item_id": f"t{n}", "batch_id": "B"}} for n in range(3)]
    tasks[0]["predictions"] = [prediction]  # type: ignore[assignment]
    say("imported", "POST", f"{here}/import", json=tasks)
    say("a key lacks", "POST", f"{here}/import", json=[{"data": {"other": "x"}}])
    files = {"a.png": ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")}
    say("uploaded", "POST", f"{here}/import?commit_to_project=false", files=files)
    say("uploads", "GET", f"{here}/file-uploads", params={"all": "true"})
    where = {"project": made["id"], "query": in_batch("B"), "include": FIELDS, "fields": "all"}
    found = say("tasks", "GET", "/api/tasks", params=where)
    first = found["tasks"][0]["id"]
    name = f"ann-{uuid.uuid4().hex[:8]}"
    account = {"email": f"{name}@example.com", "username": name, "password": "x-12345678"}
    user = say("user made", "POST", "/api/users", json=account)
    say("users", "GET", "/api/users")
    answer = {"result": choose("yes"), "lead_time": 2.5, "completed_by": user["id"]}
    given = say("answered", "POST", f"/api/tasks/{first}/annotations/", json=answer)
    skip = {"result": [], "was_cancelled": True}
    say("skipped", "POST", f"/api/tasks/{first + 1}/annotations/", json=skip)
    edit = {"result": choose("no")}
    say("edited", "PATCH", f"/api/annotations/{given['id']}/", json=edit)
    say("tasks answered", "GET", "/api/tasks", params=where)
    late = ("filter:tasks:updated_at", "greater", "Datetime", "2999-01-01T00:00:00.000000Z")
    say("no changes", "GET", "/api/tasks", params={**where, "query": in_batch("B", late)})
    wrong = ("filter:tasks:updated_at", "greater", "Datetime", "2999-01-01")
    say("wrong time", "GET", "/api/tasks", params={**where, "query": in_batch("B", wrong)})
    ids = {**where, "include": "id", "page_size": 1}
    del ids["fields"]
    say("ids", "GET", "/api/tasks", params=ids)
    say("page past the end", "GET", "/api/tasks", params={**ids, "page": 9})
    say("answer deleted", "DELETE", f"/api/annotations/{given['id']}/")
    say("task deleted", "DELETE", f"/api/tasks/{first + 2}/")
    say("no such task", "DELETE", f"/api/tasks/{first + 2}/")
    say("storages", "GET", "/api/storages/localfiles", params={"project": made["id"]})
    say("title too long", "POST", "/api/projects", json={**project, "title": "x" * 51})
    say("wrong token", "GET", "/api/users", token="f" * 40)
    say("no token", "GET", "/api/users", token="")
    say("wrong refresh", "POST", "/api/token/refresh/", token="", json={"refresh": "a.b.c"})
    say("project deleted", "DELETE", here)
    say("no such project", "GET", here)
    say("tasks of no project", "GET", "/api/tasks", params=where)
    return replies


def main() -> None:
    from tests.label_studio_server import LabelStudioServer, prepare

    prepare()
    with tempfile.TemporaryDirectory() as folder:
        server = LabelStudioServer(Path(folder)).start()
        replies = converse(server.url, server.token)
        server.stop()
    FILE.write_text(json.dumps(replies, indent=1) + "\n")


if __name__ == "__main__":
    main()
