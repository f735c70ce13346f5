"""The page's addresses; who is let in is the business of the door.

What came from outside is text to the page, never markup.
"""

from __future__ import annotations

import logging
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from al.annotators.page.desk import Desk, tab_of
from al.annotators.page.door import Door, asker, sent
from al.annotators.page.drawing import MOST, is_drawn, pens
from al.annotators.page.looking import add_looking
from al.annotators.page.people import plain
from al.errors import DataError, LabelError
from al.kinds import kind_of

if TYPE_CHECKING:
    from flask import Flask, Response
    from werkzeug.exceptions import HTTPException

_log = logging.getLogger(__name__)

#: Nothing runs on the page but its own files, and nothing of it leaves this server.
POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; script-src 'self'; "
    "style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Characters of an error message at most.
LONGEST = 400
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


def _line(error: HTTPException) -> Response:
    """What is refused, in a line: to the page, or to a person who opened a link."""
    from flask import Response, jsonify, request
    from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

    text = (error.description or error.name).split(".")[0]
    if isinstance(error, RequestEntityTooLarge):
        text = "that is more than an answer is"
    elif isinstance(error, ClientDisconnected):
        text = "that came too slowly: send it again"
    if request.method == "GET" and request.path.endswith("/"):
        return Response(text + "\n", mimetype="text/plain")
    return jsonify(error=text)


def make_app(desk: Desk, door: Door) -> Flask:
    """The web application: everything lies under a secret."""
    from flask import Flask, Response, abort, g, jsonify, request
    from werkzeug.exceptions import HTTPException

    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # that would lead elsewhere, as below
    app.config["MAX_CONTENT_LENGTH"] = MOST[is_drawn(desk.data.spec)]
    static = _static()

    app.before_request(door.check)

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(DataError)
    def _refused(error: DataError) -> tuple[Response, int]:
        words = (w if len(w) <= LONGEST // 4 else f"{w[:40]}…" for w in str(error).split())
        line = " ".join(words)
        return jsonify(error=line[:LONGEST]), 422 if isinstance(error, LabelError) else 400

    @app.errorhandler(Exception)
    def _failed(error: Exception) -> Any:
        """Told without the address, which Flask's own log would hold."""
        if isinstance(error, HTTPException):
            return _line(error), error.code or 500
        _log.error(f"the page: {type(error).__name__}: {error}")
        return jsonify(error="something is wrong here: see the terminal"), 500

    @app.get("/<token>")
    def _slash(token: str) -> Response:
        """To the page, by a place alone: Flask would give a whole address, which behind a proxy
        that speaks TLS is one without, and the secret in it would go where others listen in."""
        return Response(status=308, headers={"Location": f"./{token}/"})

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
        what = {"campaign": desk.campaign, "form": form, "classes": desk.classes, "grows": grows}
        look = {"unit": desk.look.unit, "range": desk.look.range, "guided": bool(desk.look.guide())}
        return jsonify(what | look | {"pens": pens(spec), "name": g.name})

    @app.get("/<token>/state")
    def _state(token: str) -> Response:
        tab, place = request.args.get("tab", "")[:40], request.args.get("place", type=int)
        with desk.one_at_a_time:
            return jsonify(desk.state(asker(), tab, place))

    @app.get("/<token>/image/<int:place>")
    def _image(token: str, place: int) -> Response:
        small, meant = "small" in request.args, request.args.get("drawn")
        found = desk.listed(place, asker(), meant) if small else desk.image(place, meant)
        mimetype, content = found
        return Response(content, mimetype=mimetype)

    @app.post("/<token>/<any(answer, undo, finish, leave):what>")
    def _post(token: str, what: str) -> Response:
        body = sent()
        with desk.one_at_a_time:
            if what == "finish" and (door.invites or desk.watched):
                what = "leave"  # the others go on
            getattr(desk, what)(body)
            if what in ("leave", "finish"):
                return jsonify({})
            return jsonify(desk.state(plain(body.get("name")), tab_of(body)))

    add_looking(app, desk)
    return app
