"""The page's server: this machine only, one secret in the address, nothing but the query.

What is shown is found by its place in what was asked, never by a path; what came from
outside is text to the page, never markup. An answer is on disk before the next sample shows.
"""

from __future__ import annotations

import hmac
import io
import json
import logging
import math
import secrets
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al.annotators.answer_log import AnswerLog
from al.annotators.keys import Key
from al.annotators.naming import named, with_named
from al.contracts import DataLoader
from al.errors import ConfigError, DataError, LabelError
from al.kinds import kind_of
from al.whole import whole_file

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.serving import BaseWSGIServer

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"
#: Ports that no system lends to outgoing connections, so that one is free again after a restart.
LASTING = range(20_000, 32_000)
_POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; script-src 'nonce-{nonce}'; "
    "style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PageServer:
    """Serves while it is open, from a thread.

    Args:
        grows: people may name classes that the task does not know.

    Raises:
        ConfigError: another process serves this page, or the port is taken.
    """

    url: str

    def __init__(
        self, data: DataLoader, campaign: str, log: AnswerLog, port: int, *, grows: bool = False
    ) -> None:
        self.data, self.campaign, self.log, self.port = data, campaign, log, port
        self.grows = grows and bool(data.spec.classes)
        self.one_at_a_time = threading.Lock()
        self._finished = threading.Event()
        self._server: BaseWSGIServer | None = None

    def __enter__(self) -> PageServer:
        from filelock import FileLock, Timeout

        self.log.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.log.folder / ".page.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(
                f"the page of campaign {self.campaign!r} is served by another process: use that, "
                "or stop it"
            ) from None
        try:
            self._start()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._lock.release()

    def wait(self) -> None:
        """Until somebody says on the page that it is finished."""
        while not self._finished.wait(0.5):  # short waits let a signal through
            pass

    def _start(self) -> None:
        token, remembered = self._address()
        self._server = server = _bound(make_app(self, token), self.port, remembered)
        _remember(self.log.folder / ".page.json", token, server.server_address[1])
        self.url = f"http://{HOST}:{server.server_address[1]}/{token}/"
        threading.Thread(target=server.serve_forever, name="al-page", daemon=True).start()

    def _address(self) -> tuple[str, int]:
        """Token and port of last time, so that a page that is open works on after a restart."""
        path = self.log.folder / ".page.json"
        try:
            kept = json.loads(path.read_text())
            return str(kept["token"]), int(kept["port"])
        except (OSError, KeyError, TypeError, ValueError, RecursionError):
            return secrets.token_urlsafe(24), 0

    # -- what the page asks for --------------------------------------------------------------

    def state(self, name: str) -> dict[str, Any]:
        """What there is to do: the latest query in its order, then what is left of earlier ones."""
        queries, said = self.log.queries(), self.log.answers()
        places = {key: place for place, key in enumerate(self.log.ever_asked())}
        latest = queries[-1] if queries else []
        open_keys = [key for query in [latest, *queries[:-1]] for key in query if key not in said]
        there = (key for key in open_keys if not self.data.missing([key[0]]))
        first = next(there, None)
        item = None if first is None else self._item(first, places[first])
        done, last = sum(key in said for key in latest), self.log.last_of(name)
        undo = None if last is None else places[last]
        found = {"item": item, "done": done, "left": len(open_keys), "undo": undo}
        return found | {"classes": self.classes}

    @property
    def classes(self) -> tuple[str, ...]:
        """What can be chosen: the task's classes, and those that people have named here."""
        if not self.grows:
            return tuple(self.data.spec.classes)
        entries = (entry for said in self.log.answers().values() for entry in said.values())
        return with_named(self.data.spec, (e.label for e in entries if not e.skipped))

    def _item(self, key: Key, place: int) -> dict[str, Any]:
        preview = self.data.preview(key[0])
        item: dict[str, Any] = {"place": place, "again": key[1]}
        if preview.image is not None:
            return item | {"image": f"image/{place}"}
        if preview.text is not None:
            return item | {"text": preview.text}
        return item | {"row": [[str(n), str(v)] for n, v in (preview.row or {}).items()]}

    def key_at(self, place: Any) -> Key:
        """The sample at a place.

        Raises:
            DataError: there is none.
        """
        places = self.log.ever_asked()
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(places):
            raise DataError("no such sample: load the page again")
        return places[place]

    def answer(self, said: dict[str, Any]) -> None:
        """Keep what the page sent.

        Raises:
            DataError: it is no answer.
        """
        key, name = self.key_at(said.get("place")), _name(said)
        seconds = said.get("seconds")
        known = isinstance(seconds, (int, float)) and math.isfinite(seconds) and seconds >= 0
        seconds = round(min(float(seconds), 86400.0), 3) if known else None  # type: ignore[arg-type]
        if said.get("skip") is True:
            self.log.answer(key, None, name, seconds, skip=True)
            return
        label = kind_of(self.data.spec).from_form(said.get("label"))
        if self.grows:
            label = named(label, self.data.spec, self.classes)
        else:
            self.data.check_label(label)
        self.log.answer(key, label, name, seconds, skip=False)

    def undo(self, said: dict[str, Any]) -> None:
        """Take the person's last answer back; it says which that is, so twice is once."""
        self.log.undo(self.key_at(said.get("place")), _name(said))

    def finish(self, _: dict[str, Any]) -> None:
        """Somebody is through."""
        self._finished.set()

    def image(self, place: int) -> bytes:
        """A sample as PNG."""
        from PIL import Image

        image = self.data.preview(self.key_at(place)[0]).image
        if image is None:
            raise DataError("no image: load the page again")
        content = io.BytesIO()
        Image.fromarray(image).save(content, "png")
        return content.getvalue()


def _name(said: dict[str, Any]) -> str:
    name = said.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 80:
        raise DataError("who are you? give a name of up to 80 letters")
    return name.strip()


def make_app(server: PageServer, token: str) -> Flask:
    """The web application: everything lies under the token."""
    from flask import Flask, Response, abort, jsonify, request
    from werkzeug.exceptions import HTTPException

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

    @app.before_request
    def _guard() -> None:
        """Refuse other machines' pages, and who does not know the token."""
        ours = {f"{name}:{request.environ['SERVER_PORT']}" for name in (HOST, "localhost")}
        if request.host not in ours:
            abort(403)
        given = (request.view_args or {}).get("token", request.path.split("/")[1])
        if not hmac.compare_digest(str(given).encode(), token.encode()):
            abort(404)
        origin = request.headers.get("Origin")
        if request.method == "POST" and (
            not request.is_json or origin not in (None, *(f"http://{one}" for one in ours))
        ):
            abort(403)

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(DataError)
    def _refused(error: DataError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 422 if isinstance(error, LabelError) else 400

    @app.errorhandler(Exception)
    def _failed(error: Exception) -> Any:
        """Told without the address, which Flask's own log would hold."""
        if isinstance(error, HTTPException):
            return error
        _log.error(f"the page: {type(error).__name__}: {error}")
        return jsonify(error="something is wrong here: see the terminal"), 500

    @app.get("/<token>/")
    def _page(token: str) -> Response:
        nonce = secrets.token_urlsafe(16)
        response = Response(page.replace("{{nonce}}", nonce), mimetype="text/html")
        response.headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
        return response

    @app.get("/<token>/task")
    def _task(token: str) -> Response:
        spec = server.data.spec
        form, grows = kind_of(spec).form, server.grows
        return jsonify(campaign=server.campaign, form=form, classes=server.classes, grows=grows)

    @app.get("/<token>/state")
    def _state(token: str) -> Response:
        return jsonify(server.state(request.args.get("name", "")))

    @app.get("/<token>/image/<int:place>")
    def _image(token: str, place: int) -> Response:
        return Response(server.image(place), mimetype="image/png")

    @app.post("/<token>/<any(answer, undo, finish):what>")
    def _said(token: str, what: str) -> Response:
        said = request.get_json(silent=True)
        if not isinstance(said, dict):
            raise DataError("that is no answer: load the page again")
        with server.one_at_a_time:
            {"answer": server.answer, "undo": server.undo, "finish": server.finish}[what](said)
            return jsonify(server.state(str(said.get("name", "")).strip()))

    return app


def _bound(app: Flask, port: int, remembered: int) -> BaseWSGIServer:
    """A server on the port that was given, on that of last time, or on a free one.

    Raises:
        ConfigError: the given port is taken.
    """
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        """Writes no log, which would hold the token."""

        def log(self, type: str, message: str, *args: Any) -> None:
            pass

    taken: OSError | None = None
    before = [remembered] if remembered else []
    for wanted in [port] if port else [*before, *secrets.SystemRandom().sample(LASTING, 8), 0]:
        with socket.socket() as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind((HOST, wanted))
                door.listen(128)
            except OSError as error:
                taken = error
                continue
            return make_server(
                HOST, wanted, app, threaded=True, request_handler=Quiet, fd=door.fileno()
            )
    raise ConfigError(f"port {port} is taken: give another port") from taken


def _remember(path: Path, token: str, port: int) -> None:
    """Keep the address, for nobody but this user."""
    with whole_file(path, 0o600) as file:
        file.write(json.dumps({"token": token, "port": port}).encode())
