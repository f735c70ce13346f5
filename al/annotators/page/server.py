"""The page's server: a port of this machine, an address that lasts, one process at a time."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al.annotators.page.app import HOST, make_app
from al.annotators.page.desk import Desk
from al.errors import ConfigError
from al.whole import whole_file

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.serving import BaseWSGIServer

#: Ports that no system lends to outgoing connections, so that one is free again after a restart.
LASTING = range(20_000, 32_000)


class PageServer:
    """Serves while it is open, from a thread.

    Args:
        port: 0 for that of last time, or a free one.

    Raises:
        ConfigError: another process serves this page, or the port is taken.
    """

    url: str

    def __init__(self, desk: Desk, port: int) -> None:
        self.desk, self.port = desk, port
        self.folder = desk.log.folder
        self._server: BaseWSGIServer | None = None

    def __enter__(self) -> PageServer:
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / ".page.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(
                f"the page of campaign {self.desk.campaign!r} is served by another process: "
                "use that, or stop it"
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
        while not self.desk.finished.wait(0.5):  # short waits let a signal through
            pass

    def _start(self) -> None:
        token, remembered = self._address()
        self._server = server = _bound(make_app(self.desk, token), self.port, remembered)
        _remember(self.folder / ".page.json", token, server.server_address[1])
        self.url = f"http://{HOST}:{server.server_address[1]}/{token}/"
        threading.Thread(target=server.serve_forever, name="al-page", daemon=True).start()

    def _address(self) -> tuple[str, int]:
        """Token and port of last time, so that a page that is open works on after a restart."""
        path = self.folder / ".page.json"
        try:
            kept = json.loads(path.read_text())
            return str(kept["token"]), int(kept["port"])
        except (OSError, KeyError, TypeError, ValueError, RecursionError):
            return secrets.token_urlsafe(24), 0


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
