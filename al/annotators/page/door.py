"""Who is let in: by the name that is called, by a secret in the address, and not too often."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from typing import Any

from al.annotators.page.network import Network
from al.annotators.page.people import People, plain
from al.errors import DataError

#: Requests a second of one person, and so many at once; those that know no secret share one.
PACE, BURST = 40.0, 200.0
STRANGERS = "\n"


class Door:
    """Looks at each request before anything else does.

    Where people are invited, their links alone open the page, and say who it is. Else the page's
    own secret does, and who answers says so.

    Args:
        token: the page's own secret.
        clock: seconds that only go up.
    """

    def __init__(
        self,
        people: People,
        token: str,
        network: Network,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.people, self._token, self._network, self._clock = people, token, network, clock
        self._paces: dict[str, tuple[float, float]] = {}  # by person: what is left, and when
        self._lock = threading.Lock()

    def check(self) -> None:
        """Refuse other machines' pages, and who does not know a secret."""
        from flask import abort, g, request

        origins = self._network.origins(int(request.environ["SERVER_PORT"]))
        if request.host.lower() not in origins:
            abort(403, "the page is found under the address that it printed alone, port and all")
        secret = str((request.view_args or {}).get("token", request.path.split("/")[1]))
        g.name, known = "", False
        if self.people.links():
            g.name = self.people.who(secret) or ""
            known = bool(g.name)
        elif self._network.local:
            known = hmac.compare_digest(secret.encode(errors="replace"), self._token.encode())
        if not known or g.name:
            self._slow(g.name or STRANGERS)
        if not known:
            abort(404, "this link is not valid, or no longer: ask whoever sent it for another")
        if request.method == "POST":
            origin = request.headers.get("Origin")
            if not request.is_json or origin not in (None, *origins.values()):
                abort(403, "that comes from another page")

    def _slow(self, who: str) -> None:
        """Refuse who asks too often."""
        from flask import abort

        now = self._clock()
        with self._lock:
            left, then = self._paces.get(who, (BURST, now))
            left = min(BURST, left + (now - then) * PACE)
            self._paces[who] = (max(0.0, left - 1), now)
        if left < 1:
            abort(429, "that is too much at once: wait a second")

    @property
    def invites(self) -> bool:
        """Whether people are invited by name."""
        return bool(self.people.links())


def asker() -> str:
    """Who asks: whose link it is, or as the page says."""
    from flask import g, request

    return g.name or plain(request.args.get("name"))


def sent() -> dict[str, Any]:
    """What the page sends, in the name of whose link it is.

    Raises:
        DataError: that is nothing a page sends.
    """
    from flask import g, request

    try:
        body = request.get_json(silent=True)
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        raise DataError("that is not an answer: load the page again")
    return {**body, "name": g.name} if g.name else body
