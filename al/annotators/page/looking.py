"""The page's addresses for looking around: one sample, earlier answers, help, remarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from al.annotators.page.desk import Desk
from al.annotators.page.door import asker, sent
from al.annotators.page.drawing import thumbnail
from al.errors import DataError

if TYPE_CHECKING:
    from flask import Flask, Response


def add_looking(app: Flask, desk: Desk) -> None:
    """Add them to the web application."""
    from flask import Response, jsonify

    @app.get("/<token>/item/<int:place>")
    def _item(token: str, place: int) -> Response:
        key = desk.key_at(place)
        if desk.data.missing([key[0]]):
            raise DataError("this sample is no longer in the data")
        item = desk.items.item(key, place)
        return jsonify(
            item=item, given=desk.past.given(key, asker()), note=desk.note_of(key, asker())
        )

    @app.get("/<token>/history")
    def _history(token: str) -> Response:
        return jsonify(listed=desk.past.history(asker()))

    @app.get("/<token>/review")
    def _review(token: str) -> Response:
        return jsonify(desk.past.review(asker()))

    @app.get("/<token>/guide")
    def _guide(token: str) -> Response:
        return jsonify(desk.guide.shown())

    @app.get("/<token>/example/<int:number>")
    def _example(token: str, number: int) -> Response:
        id = desk.guide.image_of(number)
        if id is None:
            raise DataError("no such example: load the page again")
        mimetype, content = thumbnail(desk.data, id)
        return Response(content, mimetype=mimetype)

    @app.post("/<token>/note")
    def _note(token: str) -> Response:
        body = sent()
        with desk.one_at_a_time:
            desk.note(body)
        return jsonify(kept=True)
