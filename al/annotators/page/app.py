"""The page's addresses, and who is let in: this machine only, one secret in the address.

What came from outside is text to the page, never markup.
"""

from __future__ import annotations

import hmac
import logging
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from al.annotators.page.desk import Desk, tab_of
from al.annotators.page.drawing import MOST, is_drawn, pens
from al.annotators.page.looking import add_looking
from al.errors import DataError, LabelError
from al.kinds import kind_of

if TYPE_CHECKING:
    from flask import Flask

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"
#: Nothing runs on the page but its own files, and nothing of it leaves this server.
POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; script-src 'self'; "
    "style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: The page's files, by ending.
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def _static() -> dict[str, tuple[str, str]]:
    """The page's own files, by path below `static/`: type and content."""
    folder = files("al.annotators.page") / "static"
    found = {}
    for place, prefix in ((folder, ""), (folder / "forms", "forms/")):
        for file in place.iterdir():
            ending = "." + file.name.rpartition(".")[2]
            if ending in TYPES:
                found[prefix + file.name] = (TYPES[ending], file.read_text("utf-8"))
    return found


def make_app(desk: Desk, token: str) -> Flask:
    """The web application: everything lies under the token."""
    from flask import Flask, Response, abort, jsonify, request
    from werkzeug.exceptions import HTTPException

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST[is_drawn(desk.data.spec)]
    static = _static()

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
        return _file(token, "index.html")

    @app.get("/<token>/static/<path:name>")
    def _file(token: str, name: str) -> Response:
        if name not in static:
            abort(404)
        kind, content = static[name]
        response = Response(content, mimetype=kind)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.get("/<token>/task")
    def _task(token: str) -> Response:
        spec = desk.data.spec
        form, grows = kind_of(spec).form, desk.grows
        told = {"campaign": desk.campaign, "form": form, "classes": desk.classes, "grows": grows}
        look = {"unit": desk.look.unit, "range": desk.look.range, "guided": bool(desk.look.told())}
        return jsonify(told | look | {"pens": pens(spec)})

    @app.get("/<token>/state")
    def _state(token: str) -> Response:
        said = request.args
        with desk.one_at_a_time:
            return jsonify(
                desk.state(said.get("name", ""), said.get("tab", ""), said.get("place", type=int))
            )

    @app.get("/<token>/image/<int:place>")
    def _image(token: str, place: int) -> Response:
        mimetype, content = desk.image(place)
        return Response(content, mimetype=mimetype)

    @app.post("/<token>/<any(answer, undo, finish, leave):what>")
    def _said(token: str, what: str) -> Response:
        said = request.get_json(silent=True)
        if not isinstance(said, dict):
            raise DataError("that is no answer: load the page again")
        with desk.one_at_a_time:
            getattr(desk, what)(said)
            if what == "leave":
                return jsonify({})
            return jsonify(desk.state(str(said.get("name", "")).strip(), tab_of(said)))

    add_looking(app, desk)
    return app
